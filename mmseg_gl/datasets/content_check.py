"""Content check of a data set: opens and inspects every file, for tools/check_data.py."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from mmcv.image import rescale_size
from mmengine.utils import to_2tuple
from mmseg.registry import TRANSFORMS

from mmseg_gl.datasets.data_report import DataReport, Size
from mmseg_gl.datasets.inspection import build_lazily, label_exists, list_images
from mmseg_gl.datasets.label_ids import IGNORED, check_class_numbers
from mmseg_gl.datasets.pseudo_labels import check_pseudo_labels
from mmseg_gl.datasets.transforms.load_image import LoadImage
from mmseg_gl.datasets.transforms.load_pseudo_labels import LoadPseudoLabels
from mmseg_gl.datasets.transforms.load_train_ids import LoadTrainIds
from mmseg_gl.errors import UserError

# Number of images in the complete releases; Cityscapes by split.
RELEASES: dict[str | tuple[str, str], int] = {
    'GTA5Dataset': 24_966,
    'SYNTHIADataset': 9_400,
    ('CityscapesDataset', 'train'): 2_975,
    ('CityscapesDataset', 'val'): 500,
}
CHECKED_LABELS = ('LoadPseudoLabels', 'LoadTrainIds')
Trouble = tuple[str, str]  # kind, sentence


def check_dataset(
    name: str,
    cfg: dict,
    max_images: int | None = None,
    workers: int = 1,
    progress: Callable[[Iterable, int], Iterable] | None = None,
) -> DataReport:
    """Open the files of a data set and report missing and broken ones.

    Args:
        name: Name of the data set in the report.
        cfg: A config of a ``BaseSegDataset`` subclass.
        max_images: Open only that many images, spread evenly; None opens all.
        workers: Number of processes.
        progress: Wraps an iterable of so many images, to show how far it is.

    Returns:
        The findings; problems do not stop the check.
    """
    dataset = build_lazily(cfg)
    report = DataReport(f'{name} ({cfg["type"]}): {dataset.data_prefix["img_path"]}')
    report.classes = dataset.metainfo['classes']
    try:
        files = list_images(name, cfg)
    except UserError as error:
        report.add_trouble('folders that cannot be used', str(error))
        return report
    report.images = len(files)
    try:
        check_pseudo_labels(name, cfg, files)
    except UserError as error:
        report.add_trouble('pseudo labels that cannot be used', str(error))
        files = [(image, None) for image, _ in files]
    if any(label for _, label in files):
        for image, label in files:
            if label is not None and not label_exists(label, cfg):
                report.add_trouble('images without labels', f'{image}: {label} does not exist')
        report.labels = len(files) - report.num_troubles
        if loader_of(cfg, *CHECKED_LABELS) is None:
            report.notes.append('only labels that LoadTrainIds reads can be checked')
    if (expected := release_size(cfg)) not in (None, len(files)):
        report.notes.append(f'the complete release has {expected} images')
    if max_images is not None and max_images < len(files):
        files = [files[i] for i in np.linspace(0, len(files) - 1, max_images).astype(int)]
    report.opened = len(files)
    opened = open_all(files, cfg, workers)
    for size, pixels, troubles in progress(opened, len(files)) if progress else opened:
        if size is not None:
            report.sizes[size] += 1
        if pixels is not None:
            report.pixels += pixels
        for trouble in troubles:
            report.add_trouble(*trouble)
    if report.pixels.any() and not np.delete(report.pixels, IGNORED).any():
        report.add_trouble(
            'labels without a class',
            f'all pixels of the {len(files)} labels are ignored: do the ids of LoadTrainIds match '
            'these labels?',
        )
    return report


def loader_of(cfg: dict, *types: str) -> Any:
    """Build the first pipeline step of a data set that has one of these types; None without one."""
    steps = [step for step in cfg['pipeline'] if step['type'] in types]
    return TRANSFORMS.build(steps[0]) if steps else None


def release_size(cfg: dict) -> int | None:
    """Return the number of images in the complete release; None if there is no such release."""
    root = os.path.abspath(cfg.get('data_root') or '')
    if os.path.exists(os.path.join(os.path.dirname(root), 'street_scenes.json')):
        return None
    split = os.path.basename(build_lazily(cfg).data_prefix['img_path'])
    return RELEASES.get(cfg['type'], RELEASES.get((cfg['type'], split)))


def label_size(cfg: dict, image: Size, label: Size) -> Size:
    """Return the (width, height) that a label must have.

    This is the image's size, or the label's own if the pipeline resizes both to one size and they
    have the same proportions, as translated images and their labels do. A pseudo label must have
    the size to which the pipeline resizes the image before it loads the label.

    Args:
        cfg: Config of the data set.
        image, label: (width, height) of both files.
    """
    resized, is_loaded = image, False
    for step in cfg['pipeline']:
        is_loaded |= step['type'] == 'LoadTrainIds'
        if step['type'] == 'LoadPseudoLabels':
            return resized
        if step['type'] == 'Resize':
            is_like = round(image[0] * label[1] / label[0]) == image[1]
            if is_loaded and is_like and after_resize(step, image) == after_resize(step, label):
                return label
            resized = after_resize(step, resized)
    return image


def after_resize(step: dict, size: Size) -> Size:
    """Return what mmcv's Resize makes of a (width, height)."""
    if step.get('scale') is None:
        width, height = (
            int(side * factor + 0.5) for side, factor in zip(size, to_2tuple(step['scale_factor']))
        )
        return width, height
    scale = tuple(to_2tuple(step['scale']))
    return rescale_size(size, scale) if step.get('keep_ratio') else scale


def open_all(
    files: list[tuple[str, str | None]], cfg: dict, workers: int
) -> Iterator[tuple[Size | None, np.ndarray | None, list[Trouble]]]:
    """Run :func:`check_sample` on every file in several processes; yield the results in order."""
    dataset = build_lazily(cfg)
    check = partial(
        check_sample,
        image_loader=loader_of(cfg, 'LoadImage') or LoadImage(),
        label_loader=loader_of(cfg, *CHECKED_LABELS),
        label_size=partial(label_size, cfg),
        label_map=dataset.label_map,
        num_classes=len(dataset.metainfo['classes']),
    )
    if workers == 1:
        yield from map(check, files)
        return
    context = multiprocessing.get_context('fork' if sys.platform == 'linux' else 'spawn')
    ignore_interrupt: dict[str, Any] = dict(
        initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)
    )
    with ProcessPoolExecutor(workers, context, **ignore_interrupt) as pool:
        yield from pool.map(check, files, chunksize=8)


def check_sample(
    paths: tuple[str, str | None],
    image_loader: LoadImage,
    label_loader: LoadTrainIds | LoadPseudoLabels | None,
    label_size: Callable[[Size, Size], Size],
    label_map: dict[int, int] | None,
    num_classes: int,
) -> tuple[Size | None, np.ndarray | None, list[Trouble]]:
    """Open an image and its label and check them.

    Args:
        paths: Image and label.
        image_loader: Reads the image.
        label_loader: Reads the label; None leaves it unopened.
        label_size: Maps the (width, height) of image and label to the one that the label must have.
        label_map: The data set's choice of classes, see :func:`renumber`.
        num_classes: K.

    Returns:
        The image's (width, height), None if it is unreadable; the number of label pixels by class,
        (256,), None if no label could be checked; and the troubles.
    """
    image, label = paths
    size, troubles = None, []
    try:
        height, width = image_loader.read(image).shape[:2]
        size = width, height
    except UserError as error:
        troubles.append(('unreadable images', str(error)))
    if label is None or label_loader is None:
        return size, None, troubles
    label = label_loader.find(label)
    if not os.path.exists(label):
        return size, None, troubles
    try:
        raw = label_loader.read(label)
    except UserError as error:
        return size, None, [*troubles, ('unreadable labels', str(error))]
    height, width = raw.shape
    if size is not None and (wanted := label_size(size, (width, height))) != (width, height):
        sentence = f'{label} is {width}x{height}, its image {size[0]}x{size[1]}'
        if wanted != size:
            sentence += ', resized to {}x{}'.format(*wanted)
        troubles.append(('labels of another size than their image', sentence))
    try:
        labels = label_loader.map_ids(raw, label, label_map)
        check_class_numbers(labels, num_classes, f'the label {label}')
    except UserError as error:
        return size, None, [*troubles, ('labels with impossible ids', str(error))]
    return size, np.bincount(labels.ravel(), minlength=256), troubles

"""Find the data sets of a config and check that their files exist, before every training."""

import errno
import os
from collections.abc import Sequence

from mmengine.config import Config
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_gl.datasets.file_names import check_left_out, check_names
from mmseg_gl.datasets.pseudo_labels import check_pseudo_labels, pseudo_label_folder
from mmseg_gl.datasets.transforms.load_pseudo_labels import pseudo_label_path
from mmseg_gl.datasets.transforms.load_train_ids import LABEL_IDS, TRAIN_IDS
from mmseg_gl.errors import UserError

# Folders of the configs, and the options with which the scenes in them are drawn.
STREET_SCENES = {'data/street_scenes': '', 'data/street_scenes_320x240': ' --size 240x320'}
FLIPS = ('RandomFlip', 'RandomRotate')  # change an image, but not its size
LABEL_LOADERS = ('LoadTrainIds', 'LoadPseudoLabels', 'LoadAnnotations')


def datasets_of(cfg: Config, splits: Sequence[str] = ('train', 'val', 'test')) -> dict[str, dict]:
    """Return the data sets of a config by name.

    Args:
        cfg: A config.
        splits: Which of its data loaders to look at.

    Returns:
        Data set configs by name: 'source', 'target', 'val' and 'test' ('test' only if it differs
        from 'val'). Several sources are called 'source 1', 'source 2', ..., several targets
        likewise, and other test sets 'NAME test'.
    """
    found = {}
    for split in splits:
        dataset = (cfg.get(f'{split}_dataloader') or {}).get('dataset')
        if dataset is None:
            continue
        if dataset.type == 'UDADataset':
            for domain in ('source', 'target'):
                found.update(datasets_in(domain, dataset.get(domain)))
        elif dataset not in found.values():
            found[split] = dataset
    if 'test' in splits:
        for name, loader in (cfg.get('other_test_dataloaders') or {}).items():
            found[f'{name} test'] = loader['dataset']
    return found


def datasets_in(domain: str, cfg: dict | list[dict] | None) -> dict[str, dict]:
    """Return the data sets of a domain by name.

    Args:
        domain: 'source' or 'target'.
        cfg: One data set config, a list of them or None.

    Returns:
        Data set configs by name: the domain's name for a single one; 'source 1', 'source 2', ...
        for a list.

    Raises:
        UserError: For an empty list.
    """
    if isinstance(cfg, (list, tuple)):
        if not cfg:
            raise UserError(f'{domain}=[]: expected a data set, or a list of at least one')
        return {f'{domain} {number}': entry for number, entry in enumerate(cfg, 1)}
    return {domain: cfg} if cfg else {}


def list_images(name: str, cfg: dict) -> list[tuple[str, str | None]]:
    """List the files of a data set without opening them; the labels need not exist.

    Args:
        name: Name of the data set in error messages.
        cfg: A config of a ``BaseSegDataset`` subclass.

    Returns:
        (image, label) paths, sorted; the label is None if the pipeline loads none.

    Raises:
        UserError: If the folder or the list of its files is missing or has no images; for files
            outside their folder, names that are not UTF-8, and labels that are read after a flip.
    """
    dataset = build_lazily(cfg)
    folder = dataset.data_prefix['img_path']
    if not os.path.isdir(folder):
        raise UserError(
            f'the {name} images of {cfg["type"]} are expected in {folder}, but there is no such '
            f'folder: {how_to_get(cfg.get("data_root") or "")}'
        )
    if dataset.ann_file and not os.path.isfile(dataset.ann_file):
        raise UserError(f'the {name} list of images (ann_file) {dataset.ann_file} is not a file')
    try:
        dataset.serialize_data = False
        dataset.full_init()
        samples = dataset.data_list
    except (IndexError, TypeError) as error:
        if cfg.get('indices') is None:
            raise
        raise UserError(
            f'the {name} data set has indices={cfg["indices"]!r}, which are not all of its images '
            f'({error}); expected a number of images, or a list of numbers from 0'
        ) from error
    except OSError as error:
        link = os.path.basename(error.filename or '')
        reason = (
            f'the link "{link}" points to a folder that contains it; remove it'
            if error.errno == errno.ELOOP
            else f'{error.filename}: {error.strerror}'
        )
        raise UserError(f'cannot list the {name} images in {folder}: {reason}') from error
    except UnicodeDecodeError as error:
        raise UserError(
            f'the {name} list of images (ann_file) {dataset.ann_file} is not a text file in UTF-8'
        ) from error
    check_names(name, samples, dataset.data_prefix)
    check_order(name, cfg)
    suffix = dataset.img_suffix
    if dataset.ann_file:
        check_listed(name, samples, dataset.ann_file)
    else:
        check_left_out(name, folder, suffix)
    if not samples:
        raise UserError(
            f'the {name} folder {folder} has no images ending in '
            f'{suffix if isinstance(suffix, str) else " or ".join(suffix)}: is data_root right?'
        )
    folder = pseudo_label_folder(cfg)
    if folder is not None:
        return [(s['img_path'], pseudo_label_path(folder, s['img_path'])) for s in samples]
    labelled = any(step['type'] in LABEL_LOADERS for step in cfg.get('pipeline', ()))
    return [(s['img_path'], s.get('seg_map_path') if labelled else None) for s in samples]


def check_listed(name: str, samples: list[dict], ann_file: str) -> None:
    """Raise a UserError unless every image in a list of images is a file."""
    for path in (sample['img_path'] for sample in samples):
        if not os.path.isfile(path):
            raise UserError(
                f'the {name} list of images (ann_file) {ann_file} names {path}, which is not a '
                'file; remove that line, or correct the name'
            )


def check_order(name: str, cfg: dict) -> None:
    """Raise a UserError for a pipeline that flips the images before it reads their labels."""
    types = [step['type'] for step in cfg.get('pipeline', ())]
    loaders = [index for index, kind in enumerate(types) if kind in LABEL_LOADERS]
    for kind in types[: max(loaders, default=0)]:
        if kind in FLIPS:
            raise UserError(
                f'the {name} pipeline has {kind} before {types[loaders[-1]]}, so that the labels '
                f'would not be turned with their images; put {kind} after it'
            )


def how_to_get(data_root: str) -> str:
    """Return what to do about a missing data set."""
    folder = os.path.dirname(os.path.normpath(data_root))
    street_scenes = dict(STREET_SCENES)
    if chosen := os.environ.get('STREET_SCENES'):
        street_scenes.setdefault(os.path.normpath(chosen), '')
    if folder in street_scenes:
        options = street_scenes[folder]
        return f'draw the street scenes: python tools/make_street_scenes.py {folder}{options}'
    return 'put or link the data there, or point data_root of this data set to them'


def list_files(name: str, cfg: dict) -> list[tuple[str, str | None]]:
    """List the files of a data set like :func:`list_images`, and require that the labels exist.

    Raises:
        UserError: See :func:`list_images`; also if labels are missing, and for pseudo labels that
            :func:`check_pseudo_labels` refuses.
    """
    files = list_images(name, cfg)
    check_pseudo_labels(name, cfg, files)
    missing = [image for image, label in files if label and not label_exists(label, cfg)]
    if missing:
        label = dict(files)[missing[0]]
        raise UserError(
            f'{len(missing)} of {len(files)} {name} images have no label (first: '
            f'{missing[0]}; expected {label}): add the labels or remove those images'
        )
    return files


def build_lazily(cfg: dict) -> BaseSegDataset:
    """Build a data set without listing its files and without its pipeline.

    Raises:
        UserError: For a data set that wraps others.
    """
    if wraps := [key for key in ('dataset', 'datasets') if key in cfg]:
        raise UserError(
            f'{cfg["type"]}({wraps[0]}=...) wraps other data sets; give these as a list of sources '
            'or targets, or as other_test_dataloaders'
        )
    return DATASETS.build({**cfg, 'lazy_init': True, 'pipeline': []})


def label_exists(path: str, cfg: dict) -> bool:
    """Return whether the label of a data set exists; ids='cityscapes' reads labelTrainIds, too."""
    either = any(step.get('ids') == 'cityscapes' for step in cfg['pipeline'])
    others = [path.replace(LABEL_IDS, TRAIN_IDS)] if either else []
    return any(map(os.path.exists, [path, *others]))


def check_files(cfg: Config, splits: Sequence[str]) -> None:
    """Raise a UserError unless every data set of ``splits`` has its images and labels."""
    for name, dataset in datasets_of(cfg, splits).items():
        list_files(name, dataset)

"""Write pseudo labels for the training images of the target domain.

Follows BDL (SSL.py): in each class, the more confident half of the pixels keeps its label, and so
does every pixel whose confidence is at least the cap; all other pixels become 255. The images go
through the test pipeline, and the labels have the size of the network's input. The same command
resumes an interrupted run. An unfinished run needs 3 bytes of disk per pixel (4.7 GB for Cityscapes
at 1024x512).

Example:
    python tools/pseudo_label.py CONFIG.py iter_40.pth --out data/pseudo_labels
"""

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Sequence

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS, MODELS
from torch.utils.data import DataLoader, Subset

from mmseg_gl.cli.parser import ToolParser, add_cfg_options
from mmseg_gl.cli.progress import progress
from mmseg_gl.cli.tool import run_tool, shell_command
from mmseg_gl.config.load import load_config
from mmseg_gl.datasets.inspection import datasets_in, list_images
from mmseg_gl.datasets.label_writer import LabelWriter
from mmseg_gl.datasets.pseudo_labels import check_leaf_names
from mmseg_gl.datasets.training_images import with_labels
from mmseg_gl.engine.checkpoint import load_segmentor
from mmseg_gl.errors import UserError, check_is_file
from mmseg_gl.experiments.pseudo_label_folder import PseudoLabelFolder, prediction_name
from mmseg_gl.experiments.pseudo_labels import (
    BINS,
    find_thresholds,
    histogram,
    predict,
    select,
    shares_kept,
)
from mmseg_gl.models import UDASegmentor
from mmseg_gl.weights.files import weights_digest

REQUIRED = ('model', 'train_dataloader', 'test_dataloader')


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint of a run, or of a segmentor alone')
    parser.add_argument(
        '--out', metavar='DIR', required=True, help='output folder: new, or of the run to resume'
    )
    parser.add_argument(
        '--cap',
        type=float,
        default=0.9,
        help=f'largest threshold, rounded to 1/{BINS} (default: 0.9, as in BDL)',
    )
    parser.add_argument(
        '--portion',
        type=float,
        default=0.5,
        help='share of the pixels of each class below its threshold (default: 0.5, as in BDL)',
    )
    parser.add_argument(
        '--target',
        type=int,
        metavar='N',
        help='number of the target to label if there are several, counted from 1; label each one '
        'into its own folder',
    )
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    for option, value in (('--cap', args.cap), ('--portion', args.portion)):
        if not 0 <= value <= 1:
            raise UserError(f'{option} {value}: expected a number from 0 to 1')
    cfg = load_config(args.config, args.cfg_options, REQUIRED)
    check_is_file(args.checkpoint, 'checkpoint')
    dataset_cfg = target_of(cfg, args.config, args.target)
    images = [image for image, _ in list_images('target', dataset_cfg)]
    check_leaf_names('target', images)
    dataset = DATASETS.build(dataset_cfg)
    model = MODELS.build(cfg.model)
    load_segmentor(model, args.checkpoint)
    folder = PseudoLabelFolder(
        args.out,
        images,
        run=dict(
            weights_sha256=weights_digest(model.network),
            network_sha256=digest(json.dumps([cfg.model.segmentor, cfg.model.data_preprocessor])),
            pipeline_sha256=digest(json.dumps(dataset_cfg['pipeline'])),
            images_sha256=digest('\n'.join(map(os.path.basename, images))),
            num_images=len(images),
            cap=args.cap,
            portion=args.portion,
            bins_per_unit=BINS,
        ),
        about=dict(
            config=args.config,
            checkpoint=args.checkpoint,
            command=shell_command('pseudo_label', sys.argv[1:]),
        ),
        inputs=[dataset.data_prefix['img_path']],
    )
    with folder.open():
        if folder.complete:
            print(f'{args.out} is already complete, nothing to do')
        else:
            predict_all(model, dataset, folder, cfg.test_dataloader.get('num_workers', 0))
            classes = dataset.metainfo['classes']
            label_all(classes, LabelWriter(dataset_cfg), folder, args.cap, args.portion)
        print_table(folder)


def target_of(cfg: Config, path: str, number: int | None) -> dict:
    """Return the config of a target's training data set with the test pipeline, without labels.

    Args:
        cfg: Config of a training run.
        path: File of the config, for error messages.
        number: Number of the target, counted from 1; None if there is only one.

    Raises:
        UserError: If there is no target, no such target, or no choice among several.
    """
    targets = list(datasets_in('target', cfg.train_dataloader.dataset.get('target')).values())
    if not targets:
        raise UserError(
            f'the config {path} has no target images (train_dataloader.dataset.target); use the '
            'config of a method that adapts to a target'
        )
    if number is None and len(targets) > 1:
        raise UserError(
            f'the config {path} has {len(targets)} targets: choose one with --target N, and an '
            '--out of its own for each'
        )
    number = 1 if number is None else number
    if not 1 <= number <= len(targets):
        raise UserError(
            f'--target {number}: expected 1 to {len(targets)}, as the config {path} has '
            f'{len(targets)} of them'
        )
    pipeline = with_labels(cfg.test_dataloader.dataset.pipeline, [])
    return {**targets[number - 1], 'pipeline': pipeline}


def predict_all(
    model: UDASegmentor, dataset: BaseSegDataset, folder: PseudoLabelFolder, num_workers: int
) -> None:
    """Predict all images that have no prediction in the folder yet."""
    model = model.to('cuda' if torch.cuda.is_available() else 'cpu').eval()
    waiting = [
        i for i, image in enumerate(folder.images) if prediction_name(image) not in folder.done
    ]
    if len(waiting) < len(folder.images):
        print(f'{len(folder.images) - len(waiting)} images are already predicted; continuing')
    loader = DataLoader(
        Subset(dataset, waiting), num_workers=num_workers, collate_fn=pseudo_collate
    )
    for i, batch in progress(zip(waiting, loader), len(waiting), 'predictions'):
        folder.write_prediction(folder.images[i], *predict(model, batch))


def label_all(
    classes: Sequence[str],
    writer: LabelWriter,
    folder: PseudoLabelFolder,
    cap: float,
    portion: float,
) -> None:
    """Find the threshold of each class and write the labels of all images."""
    counts = histogram(map(folder.read_prediction, folder.images), len(classes))
    thresholds = find_thresholds(counts, cap, portion)
    sizes = set()
    for image in progress(folder.images, len(folder.images), 'labels'):
        labels = select(*folder.read_prediction(image), thresholds)
        folder.write_label(image, writer.picture(labels))
        sizes.add(labels.shape[::-1])
    folder.finish(
        input_sizes=sorted(sizes),  # (width, height)
        thresholds={name: int(t) / BINS for name, t in zip(classes, thresholds)},
        kept_percent={
            name: None if share is None else round(100 * share, 2)
            for name, share in zip(classes, shares_kept(counts, thresholds))
        },
    )
    print(f'wrote {len(folder.images)} pseudo labels to {folder.path}')


def print_table(folder: PseudoLabelFolder) -> None:
    """Print the threshold and the share of kept pixels of each class in a complete folder.

    Raises:
        UserError: If the record of the folder is damaged.
    """
    lines = [f'{"class":>15} threshold  kept %']
    try:
        for name, threshold in folder.contents['thresholds'].items():
            kept = folder.contents['kept_percent'][name]
            kept = 'never predicted' if kept is None else f'{kept:7.2f}'
            lines.append(f'{name:>15} {threshold:9.5f} {kept}')
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f'{folder.path}/{folder.record} is damaged: it lacks the thresholds of a complete run; '
            'write the labels again to a new folder'
        ) from error
    print('\n'.join(lines))


def digest(text: str) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(os.fsencode(text)).hexdigest()


if __name__ == '__main__':
    run_tool(main)

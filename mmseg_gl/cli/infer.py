"""Segment images of any size.

Writes DIR/labels/ (8-bit palette PNGs of class numbers) and DIR/colour/ (RGB pictures); with
--overlay also DIR/overlay/ (the colours over the images). Each PNG has the size, the name and the
subfolder of its image. The same command resumes an interrupted run.

Example:
    python tools/infer.py CONFIG.py iter_40.pth my_images/ --out my_labels/
"""

import argparse
import math
import os
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch.utils.data import DataLoader

from mmseg_gl.cli.parser import ToolParser, add_cfg_options
from mmseg_gl.cli.progress import progress
from mmseg_gl.cli.tool import run_tool
from mmseg_gl.config.load import load_config
from mmseg_gl.datasets import LoadImage
from mmseg_gl.datasets.inspection import list_images
from mmseg_gl.datasets.label_writer import LabelWriter
from mmseg_gl.datasets.training_images import with_labels
from mmseg_gl.engine.checkpoint import load_segmentor
from mmseg_gl.errors import UserError
from mmseg_gl.experiments.recorded_folder import RecordedFolder
from mmseg_gl.models import UDASegmentor
from mmseg_gl.visualization.colours import overlay
from mmseg_gl.visualization.encoding import encoded
from mmseg_gl.weights.files import weights_digest

REQUIRED = ('model', 'test_dataloader')


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint of a run, or of a segmentor alone')
    parser.add_argument('images', help='an image, or a folder to search for PNG and JPEG files')
    parser.add_argument('--out', metavar='DIR', required=True, help='output folder')
    parser.add_argument(
        '--overlay', action='store_true', help='also write the colours over the images'
    )
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options, REQUIRED)
    files = find_images(args.images)
    model = MODELS.build(cfg.model)
    load_segmentor(model, args.checkpoint)
    kinds = ('labels', 'colour', *(['overlay'] if args.overlay else []))
    folder = RecordedFolder(
        args.out,
        'inference.json',
        run=dict(
            weights=weights_digest(model.network),
            model=cfg.model.to_dict(),
            dataset=cfg.test_dataloader.dataset.to_dict(),
            images=os.path.realpath(args.images),
        ),
        about=dict(config=args.config, checkpoint=args.checkpoint),
        files=[output for name in files for output in outputs(name, kinds)],
        inputs=[args.images],
    )
    with folder.open():
        todo = {
            name: path for name, path in files.items() if not folder.done >= outputs(name, kinds)
        }
        if len(todo) < len(files):
            print(f'{len(files) - len(todo)} of {len(files)} images are already done')
        start = time.time()
        segment(model, cfg.test_dataloader, todo, folder, args.overlay)
        folder.finish()
    print(
        f'wrote {len(todo)} predictions to {args.out}, '
        f'{len(todo) / (time.time() - start):.2f} images/s'
    )


def outputs(name: str, kinds: Sequence[str]) -> set[str]:
    """Return the output files of an image, one of each kind."""
    return {os.path.join(kind, name) for kind in kinds}


def find_images(path: str) -> dict[str, str]:
    """Find an image, or the images of a folder and its subfolders.

    Returns:
        Path of each image by the relative name of its prediction, which ends in '.png'.

    Raises:
        UserError: If there is no image, or if two images would have the same prediction.
    """
    init_default_scope('mmseg')
    root, paths = os.path.dirname(path), [path]
    if os.path.isdir(path):
        root = path
        paths = [
            p for p, _ in list_images('given', dict(type='ImageFolderDataset', data_root=path))
        ]
    elif not os.path.exists(path):
        raise UserError(f'there is no image or folder {path}')
    files: dict[str, str] = {}
    for file in paths:
        name = os.path.splitext(os.path.relpath(file, root or '.'))[0] + '.png'
        if name in files:
            raise UserError(
                f'{files[name]} and {file} would have the same prediction {name}; rename one'
            )
        files[name] = file
    return files


@torch.no_grad()
def segment(
    model: UDASegmentor,
    loader_cfg: ConfigDict,
    files: dict[str, str],
    folder: RecordedFolder,
    with_overlay: bool,
) -> None:
    """Predict images one by one, through the test pipeline, and write the predictions.

    Args:
        model: Model with its weights loaded.
        loader_cfg: Config of the test data loader.
        files: Output of :func:`find_images`.
        folder: Output folder.
        with_overlay: Whether to write the colours over the images, too.

    Raises:
        UserError: If an image is broken, the network's output is not finite, or the disk is full.
    """
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    model = model.to(device).eval()
    pipeline = Compose(with_labels(loader_cfg.dataset.pipeline, []))
    writer = LabelWriter(loader_cfg.dataset)
    reader = LoadImage(max_megapixels=math.inf)  # the pipeline has limited them
    samples: Any = [dict(img_path=path, seg_fields=[]) for path in files.values()]
    loader: DataLoader = DataLoader(
        samples,
        num_workers=loader_cfg.get('num_workers', 0),
        collate_fn=lambda items: pseudo_collate([pipeline(item) for item in items]),
    )
    for name, batch in progress(zip(files, loader), len(files)):
        sample = model.test_step(batch)[0]
        if not torch.isfinite(sample.seg_logits.data).all():
            raise UserError(
                f'the output for {files[name]} is not finite, since training has diverged: '
                'use an earlier checkpoint'
            )
        picture = writer.picture(sample.pred_sem_seg.data.squeeze(0).cpu().numpy())
        with folder.write(os.path.join('labels', name)) as file:
            picture.save(file, format='PNG')
        with folder.write(os.path.join('colour', name)) as file:
            picture.convert('RGB').save(file, format='PNG')
        if with_overlay:
            colours = np.asarray(picture.convert('RGB'))
            with folder.write(os.path.join('overlay', name)) as file:
                file.write(encoded(overlay(reader.read(files[name]), colours)))


if __name__ == '__main__':
    run_tool(main)

"""Draw the first training pairs, before any training.

Writes a sheet of each of the first pairs of source and target to DIR: the source image and its
labels, the target image, and the images, labels and pixel weights of each view (mixed, masked).
They are the first pairs that train.py trains on. The labels of views come from the teacher, which
is not trained yet: give a checkpoint for labels that mean something, and for predictions.

Example:
    python tools/browse.py configs/dacs/dacs_deeplabv2-tiny_street-scenes.py --out sheets
"""

import argparse
import os

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmseg.registry import DATASETS, MODELS

from mmseg_gl.cli.parser import ToolParser, add_cfg_options, whole_number
from mmseg_gl.cli.progress import progress
from mmseg_gl.cli.tool import run_tool
from mmseg_gl.config.load import load_config
from mmseg_gl.datasets import UDADataset
from mmseg_gl.datasets.inspection import check_files
from mmseg_gl.errors import UserError
from mmseg_gl.files import make_folder, write_bytes
from mmseg_gl.models import UDASegmentor
from mmseg_gl.visualization import training_sheets
from mmseg_gl.visualization.encoding import encoded
from mmseg_gl.weights.files import check_tensors, read_checkpoint, tensors_of

REQUIRED = ('model', 'train_dataloader')


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('--out', metavar='DIR', required=True, help='output folder, new or empty')
    parser.add_argument(
        '--num', type=whole_number(1), default=8, metavar='N', help='number of pairs; default: 8'
    )
    parser.add_argument(
        '--checkpoint',
        metavar='CKPT',
        help='checkpoint of a run of this config: its teacher gives the labels of the views, and '
        'the sheets show predictions, too',
    )
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options, REQUIRED)
    if os.path.isdir(args.out) and os.listdir(args.out):
        raise UserError(f'--out {args.out} is not empty; choose a new folder')
    seed = (cfg.get('randomness') or {}).get('seed') or 0
    torch.manual_seed(seed)
    model = MODELS.build(cfg.model)
    if not isinstance(model, UDASegmentor):
        raise UserError(
            f'{args.config} trains a {type(model).__name__}; sheets are drawn for a UDASegmentor'
        )
    check_files(cfg, ('train',))
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    if not isinstance(dataset, UDADataset):
        raise UserError(
            f'train_dataloader.dataset is a {type(dataset).__name__}; sheets are drawn of the '
            'pairs of a UDADataset'
        )
    load_weights(model, args.checkpoint)
    make_folder(args.out, '--out')
    draw(model, dataset, cfg, seed, args)
    teacher = ''
    if model.names['views'] and not args.checkpoint:
        teacher = '; the labels of the views are those of an untrained teacher (--checkpoint)'
    print(f'wrote {args.num} sheets to {args.out}{teacher}')


def load_weights(model: UDASegmentor, path: str | None) -> None:
    """Load all weights of a checkpoint; without one the teacher becomes a copy of the segmentor."""
    if path is None:
        for teacher in model.teachers():
            teacher.before_step(model.segmentor)
        return
    weights = tensors_of(read_checkpoint(path))
    check_tensors(model, weights, path)
    model.load_state_dict(weights)


def draw(
    model: UDASegmentor, dataset: UDADataset, cfg: Config, seed: int, args: argparse.Namespace
) -> None:
    """Draw and write the sheets, batch by batch."""
    model.to('cuda' if torch.cuda.is_available() else 'cpu')
    size = cfg.train_dataloader.batch_size
    starts = range(0, args.num, size)
    for first in progress(starts, len(starts), 'batches'):
        batch = pseudo_collate([dataset[seed, n] for n in range(first, first + size)])
        number = min(args.num - first, size)
        predict = args.checkpoint is not None
        sheets = training_sheets(model, batch, dataset.metainfo, number, predict)
        for index, picture in enumerate(sheets, first):
            write_bytes(os.path.join(args.out, f'sheet_{index:04}.png'), encoded(picture))


if __name__ == '__main__':
    run_tool(main)

"""Train a config: python tools/train.py configs/METHOD/CONFIG.py [--work-dir DIR] [--resume]."""

import argparse
import glob
import os

import torch
from mmengine.runner import Runner, find_latest_checkpoint

from mmseg_gl.apis import add_run_arguments, check_start, load_run_config
from mmseg_gl.cli import make_folder, run_tool
from mmseg_gl.datasets.inspection import check_files
from mmseg_gl.errors import UserError
from mmseg_gl.tool_parser import ToolParser

REQUIRED = ('model', 'train_dataloader', 'train_cfg', 'optim_wrapper')


def parse_args():
    parser = ToolParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='latest',
        metavar='CKPT',
        help='go on from the latest checkpoint of the work dir (from the start if there is none), '
        'or from CKPT',
    )
    parser.add_argument('--seed', type=int, help="random seed (default: the config's, 0)")
    parser.add_argument('--amp', action='store_true', help='mixed precision; needs a GPU')
    add_run_arguments(parser)
    return parser.parse_args()


def main():
    args = parse_args()
    cfg = load_run_config(args, REQUIRED)
    if args.seed is not None:
        if not 0 <= args.seed < 2**32:
            raise UserError(f'--seed {args.seed}: expected a number from 0 to {2**32 - 1}')
        cfg.randomness = dict(cfg.get('randomness', {}), seed=args.seed)
    if args.amp:
        use_amp(cfg)
    if args.resume:
        resume_from(args.resume, cfg)
    if not args.resume and glob.glob(os.path.join(cfg.work_dir, '*.pth')):
        raise UserError(
            f'{cfg.work_dir} already holds checkpoints: go on with --resume, or choose another '
            '--work-dir'
        )
    check_files(cfg, ('train', 'val'))
    make_folder(cfg.work_dir, '--work-dir')
    runner = Runner.from_cfg(cfg)
    if cfg.get('load_from'):
        check_start(runner.model, cfg.load_from, cfg.get('resume'))
    runner.train()


def resume_from(checkpoint, cfg):
    """Make a config go on from a checkpoint, or from 'latest'; without one it starts as it says."""
    if checkpoint == 'latest':
        checkpoint = find_latest_checkpoint(cfg.work_dir)
        if checkpoint:  # the work dir may have been moved since
            checkpoint = os.path.join(cfg.work_dir, os.path.basename(checkpoint))
        elif glob.glob(os.path.join(cfg.work_dir, '*.pth')):
            raise UserError(
                f'--resume: {cfg.work_dir} holds checkpoints, but no file last_checkpoint says '
                'which is the latest; name it: --resume CKPT'
            )
    elif not os.path.isfile(checkpoint):
        raise UserError(f'--resume: there is no checkpoint file {checkpoint}')
    if checkpoint:
        cfg.resume, cfg.load_from = True, checkpoint


def use_amp(cfg):
    if not torch.cuda.is_available():
        raise UserError('--amp needs a GPU, and PyTorch sees none; train without it')
    for name, entry in cfg.optim_wrapper.items():
        if name != 'constructor':
            entry.type = 'AmpOptimWrapper'


if __name__ == '__main__':
    run_tool(main)

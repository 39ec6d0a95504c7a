"""Train a config: python tools/train.py configs/METHOD/CONFIG.py [--work-dir DIR] [--resume]."""

import argparse
import glob
import os

import torch
from mmengine.runner import Runner

from mmseg_gl.apis import add_run_arguments, load_run_config
from mmseg_gl.cli import run_tool
from mmseg_gl.datasets.inspection import check_files
from mmseg_gl.errors import UserError


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__)
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
    cfg = load_run_config(args)
    if args.seed is not None:
        cfg.randomness = dict(cfg.get('randomness', {}), seed=args.seed)
    if args.amp:
        use_amp(cfg)
    if args.resume:
        cfg.resume = True
        cfg.load_from = None if args.resume == 'latest' else args.resume
        if cfg.load_from and not os.path.isfile(cfg.load_from):
            raise UserError(f'--resume: there is no checkpoint file {cfg.load_from}')
    elif glob.glob(os.path.join(cfg.work_dir, '*.pth')):
        raise UserError(
            f'{cfg.work_dir} already holds checkpoints: go on with --resume, or choose another '
            '--work-dir'
        )
    check_files(cfg, ('train', 'val'))
    Runner.from_cfg(cfg).train()


def use_amp(cfg):
    if not torch.cuda.is_available():
        raise UserError('--amp needs a GPU, and PyTorch sees none; train without it')
    for name, entry in cfg.optim_wrapper.items():
        if name != 'constructor':
            entry.type = 'AmpOptimWrapper'


if __name__ == '__main__':
    run_tool(main)

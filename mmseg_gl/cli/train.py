"""Train a config.

Ctrl-C or SIGTERM ends training after the current iteration, with a checkpoint (exit code 130 or
143); a second one ends it at once. --resume continues as if training had never stopped.

Example:
    python tools/train.py configs/adaptsegnet/adaptsegnet_deeplabv2-tiny_street-scenes.py
"""

import argparse
from typing import Any

from mmengine.config import Config

from mmseg_gl.cli.parser import SEED, ToolParser, add_run_arguments
from mmseg_gl.cli.tool import run_tool
from mmseg_gl.config.backends import add_backends
from mmseg_gl.config.load import check_required_options
from mmseg_gl.config.mixed_precision import use_amp
from mmseg_gl.config.options import find
from mmseg_gl.config.run_config import load_run_config, write_settings
from mmseg_gl.datasets.inspection import check_files
from mmseg_gl.engine.checkpoint import (
    check_start,
    has_checkpoints,
    newest_whole_checkpoint,
    unwrapped,
)
from mmseg_gl.engine.plain_values import has_form
from mmseg_gl.engine.pretrained import check_pretrained, warn_of_other_images
from mmseg_gl.engine.resumption import check_resumption
from mmseg_gl.engine.safe_runner import SafeRunner
from mmseg_gl.errors import UserError, check_installed, check_is_file
from mmseg_gl.files import make_folder, only_writer
from mmseg_gl.weights.files import read_checkpoint

REQUIRED = ('model', 'train_dataloader', 'train_cfg', 'optim_wrapper')


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='latest',
        metavar='CKPT',
        help='resume from CKPT, or from the latest checkpoint of the work dir (start from scratch '
        'if there is none)',
    )
    parser.add_argument('--seed', type=SEED, help="random seed (default: the config's, 0)")
    parser.add_argument(
        '--amp',
        nargs='?',
        const='bf16',
        choices=['bf16', 'fp16'],
        help='mixed precision: bf16 (GPU, or a CPU that supports it; the default) or fp16 (GPU)',
    )
    parser.add_argument(
        '--tensorboard', action='store_true', help='log to TensorBoard: WORK_DIR/tensorboard'
    )
    parser.add_argument('--wandb', action='store_true', help='log to Weights & Biases')
    add_run_arguments(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    cfg = load_run_config(args, REQUIRED)
    if args.seed is not None:
        cfg.randomness = dict(cfg.get('randomness', {}), seed=args.seed)
    if args.amp:
        use_amp(cfg, args.amp)
    for package in ('tensorboard', 'wandb'):
        if getattr(args, package):
            check_installed([package], package)
    if args.resume and args.resume != 'latest':
        check_is_file(args.resume, 'checkpoint')
    check_files(cfg, ('train', 'val'))
    make_folder(cfg.work_dir, '--work-dir')
    with only_writer(cfg.work_dir):
        train(cfg, args.resume, args.tensorboard, args.wandb)


def train(cfg: Config, resume: str | None, tensorboard: bool, wandb: bool) -> None:
    """Train or resume a config; see :func:`resume_from` and :func:`add_backends`."""
    if not resume and has_checkpoints(cfg.work_dir):
        raise UserError(
            f'{cfg.work_dir} already holds checkpoints: continue with --resume, or choose '
            'another --work-dir'
        )
    contents = resume_from(resume, cfg) if resume else None
    check_required_options(cfg)  # after resume_from, which may set load_from
    write_settings(cfg)
    add_backends(cfg, tensorboard, wandb, contents)
    runner = SafeRunner.from_cfg(cfg)
    model = unwrapped(runner.model)
    if cfg.get('load_from'):
        contents = contents or read_checkpoint(cfg.load_from)
        check_start(model, cfg.load_from, contents, cfg.get('resume'))
    del contents  # the runner reads the file again
    check_pretrained(model)
    warn_of_other_images(model, cfg.model.get('data_preprocessor'))
    runner.train()


def resume_from(checkpoint: str, cfg: Config) -> dict[str, Any] | None:
    """Set a config to resume from a checkpoint.

    Args:
        checkpoint: Path, or 'latest' for the newest checkpoint of the work dir, if it has any.
        cfg: Config of the run, changed in place.

    Returns:
        The contents of the checkpoint, None without one.

    Raises:
        UserError: If the run cannot be resumed from there.
    """
    if checkpoint == 'latest':
        newest = newest_whole_checkpoint(cfg.work_dir)
    else:
        newest = checkpoint, read_checkpoint(checkpoint)
    if newest is None:
        if has_checkpoints(cfg.work_dir):
            raise UserError(
                f'--resume: {cfg.work_dir} holds checkpoints, but none of a run (iter_N.pth); name '
                'one: --resume CKPT'
            )
        return None
    path, contents = newest
    check_resumption(cfg, path, contents)
    cfg.resume, cfg.load_from = True, path
    if find(cfg, 'randomness.seed') is None and has_form(contents['meta'], dict(seed=int)):
        cfg.randomness = dict(cfg.get('randomness') or {}, seed=contents['meta']['seed'])
    return contents


if __name__ == '__main__':
    run_tool(main)

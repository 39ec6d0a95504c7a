"""Config and processes of a run, set up by the training and testing tools before the runner."""

import argparse
import os
from collections.abc import Sequence

import torch
import torch.distributed
from mmengine.config import Config

from mmseg_gl.config.load import load_config
from mmseg_gl.errors import UserError
from mmseg_gl.files import is_first_process, write_text

SETTINGS = '# The settings of a run, written by tools/train.py.'  # first line of the written file


LAUNCHERS: dict[str, tuple[tuple[str, ...], str]] = {  # environment variables, how to start
    'none': ((), ''),
    'pytorch': (
        ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_PORT'),
        'torchrun --nproc_per_node=N tools/... --launcher pytorch',
    ),
    'slurm': (('SLURM_PROCID', 'SLURM_NTASKS'), 'tools/slurm_train.sh'),
}


def check_launcher(launcher: str) -> None:
    """Raise a UserError if environment variables of the launcher are not set or not numbers."""
    variables, command = LAUNCHERS[launcher]
    for variable in variables:
        value = os.environ.get(variable)
        if value is None or not value.isdigit():
            raise UserError(
                f'--launcher {launcher} needs a launcher: {command}; the environment variable '
                f'{variable} is {"not set" if value is None else repr(value)}'
            )


def write_settings(cfg: Config) -> None:
    """Write the settings of a run to its work dir, under the name of its config file.

    Args:
        cfg: Config with ``work_dir``.

    Raises:
        UserError: If another file has that name, i.e. one not written by this function.
    """
    path = os.path.join(cfg.work_dir, os.path.basename(cfg.filename))
    if not is_first_process() or (os.path.exists(path) and os.path.samefile(path, cfg.filename)):
        return
    if os.path.lexists(path) and not is_settings(path):
        raise UserError(
            f'{path} exists, and the copy of the settings would overwrite it; move it, or choose '
            'another --work-dir'
        )
    write_text(path, f'{SETTINGS}\n{cfg.pretty_text}')


def is_settings(path: str) -> bool:
    """Return whether a file was written by :func:`write_settings`."""
    if not os.path.isfile(path):
        return False
    with open(path, errors='replace') as file:
        return file.readline().rstrip() == SETTINGS


def load_run_config(args: argparse.Namespace, required: Sequence[str]) -> Config:
    """Load the config of a run and set up its distributed processes.

    Args:
        args: With ``config`` and the arguments of ``add_run_arguments``.
        required: Top-level keys that the config must have.

    Returns:
        The config, with ``work_dir`` and ``launcher`` set.

    Raises:
        UserError: See :func:`load_config` and :func:`check_launcher`.
    """
    cfg = load_config(args.config, args.cfg_options, required)
    name = os.path.splitext(os.path.basename(args.config))[0]
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or os.path.join('work_dirs', name)
    cfg.launcher = args.launcher
    if args.local_rank is not None:
        os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    check_launcher(args.launcher)
    if args.launcher == 'pytorch' and not torch.cuda.is_available():
        torch.distributed.init_process_group('gloo')  # mmengine would use CUDA
    return cfg

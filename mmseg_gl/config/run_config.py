"""What the training and testing tools do alike before they build a runner."""

import os

import torch
import torch.distributed

from mmseg_gl.config.load import load_config
from mmseg_gl.errors import UserError
from mmseg_gl.files import is_first_process, write_text

SETTINGS = '# The settings of a run, written by tools/train.py.'  # first line of their copy


LAUNCHERS = {  # what they put into the environment, and how to start them
    'none': ((), ''),
    'pytorch': (
        ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_PORT'),
        'torchrun --nproc_per_node=N tools/... --launcher pytorch',
    ),
    'slurm': (('SLURM_PROCID', 'SLURM_NTASKS'), 'tools/slurm_train.sh'),
}


def check_launcher(launcher):
    """Refuse a launcher whose environment variables are not there, or no numbers."""
    variables, command = LAUNCHERS[launcher]
    for variable in variables:
        value = os.environ.get(variable)
        if value is None or not value.isdigit():
            raise UserError(
                f'--launcher {launcher} needs a launcher: {command}; the environment variable '
                f'{variable} is {"not set" if value is None else repr(value)}'
            )


def write_settings(cfg):
    """Write the settings of a run into its work dir, under the name of its config.

    Args:
        cfg (Config): With ``work_dir``.

    Raises:
        UserError: When there is a file of that name that is no copy of settings.
    """
    path = os.path.join(cfg.work_dir, os.path.basename(cfg.filename))
    if not is_first_process() or (os.path.exists(path) and os.path.samefile(path, cfg.filename)):
        return
    if os.path.lexists(path) and not is_settings(path):
        raise UserError(
            f'{path} is in the way of the copy of the settings that is written there; move it '
            'away, or choose another --work-dir'
        )
    write_text(path, f'{SETTINGS}\n{cfg.pretty_text}')


def is_settings(path):
    """Return whether a file is a copy of settings, of :func:`write_settings`."""
    if not os.path.isfile(path):
        return False
    with open(path, errors='replace') as file:
        return file.readline().rstrip() == SETTINGS


def load_run_config(args, required):
    """Read the config of a run and prepare the processes that it is launched with.

    Args:
        args (Namespace): With ``config`` and the arguments of ``add_run_arguments``.
        required (Sequence[str]): Top-level keys that the config must have.

    Returns:
        Config: With ``work_dir`` and ``launcher`` set.

    Raises:
        UserError: See :func:`load_config`.
    """
    cfg = load_config(args.config, args.cfg_options, required)
    name = os.path.splitext(os.path.basename(args.config))[0]
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or os.path.join('work_dirs', name)
    cfg.launcher = args.launcher
    if args.local_rank is not None:
        os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    check_launcher(args.launcher)
    if args.launcher == 'pytorch' and not torch.cuda.is_available():
        torch.distributed.init_process_group('gloo')  # mmengine would ask for CUDA
    return cfg

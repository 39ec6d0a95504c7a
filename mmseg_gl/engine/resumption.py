"""Whether a checkpoint is one that a run can go on from: its own, with its own settings."""

import os
import re

from mmseg_gl.engine.checkpoint import has_checkpoints, read_run
from mmseg_gl.errors import UserError
from mmseg_gl.files import is_first_process

# What a resumed run takes from the checkpoint (optimizers, schedules), or must not change under it.
# The data may have moved, and there may be another number of processes, workers or iterations.
OWN_SETTINGS = ('model', 'metainfo.classes', 'optim_wrapper', 'param_scheduler', 'randomness.seed')
OWN_DATA = re.compile(  # of one data set, or of each in a list
    r'train_dataloader\.dataset\.(source|target)((\.\d+)?\.type|_weights(\.\d+)?)'
)
FREE = ('init_cfg', 'test_cfg')  # what a network starts from, and how it is tested
SETTINGS = 'settings'  # the entry of a checkpoint's meta that holds those of its run
IN_WORDS = 'nothing'  # for a setting that is not there


def check_resumption(cfg, path):
    """Make sure that a run may go on from a checkpoint.

    Args:
        cfg (Config): The run's, with ``work_dir``.
        path (str): The checkpoint.

    Raises:
        UserError: When it belongs to another run, whose files would replace those of the work dir,
            or when settings have changed that a resumed run does not take up.
    """
    outside = os.path.realpath(os.path.dirname(path) or '.') != os.path.realpath(cfg.work_dir)
    if outside and has_checkpoints(cfg.work_dir):
        raise UserError(
            f'--resume {path}: {cfg.work_dir} holds checkpoints of its own, which this run would '
            'replace; choose another --work-dir'
        )
    settings = read_run(path)['meta'].get(SETTINGS, {})
    before, now = own_settings(settings), own_settings(settings_of(cfg))
    changed = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    if before and changed:
        key, more = changed[0], len(changed) - 1
        raise UserError(
            f'--resume: {path} is of a run with other settings: {key} was '
            f'{before.get(key, IN_WORDS)} and is {now.get(key, IN_WORDS)} now'
            + (f' (and {more} more)' if more else '')
            + '; go on with the settings of that run, or start a new one from its weights: another '
            f'--work-dir and --cfg-options load_from={path}'
        )
    planned = flattened(settings).get('train_cfg.max_iters')
    if planned and planned != cfg.train_cfg.max_iters and is_first_process():
        print(
            f'--resume: the run was planned for {planned} iterations and has '
            f'{cfg.train_cfg.max_iters} now; its schedules and phases stay where they were'
        )


def settings_of(cfg):
    """Return a config as plain values, which checkpoints and JSON files can hold.

    Args:
        cfg (Config | dict): The config, or anything inside it.

    Returns:
        dict: Its settings, with lists for tuples, texts for keys, and the name of a class or a
        function, or of any other value's class.
    """
    if hasattr(cfg, 'to_dict'):
        cfg = cfg.to_dict()
    if isinstance(cfg, dict):
        return {str(key): settings_of(value) for key, value in cfg.items()}
    if isinstance(cfg, (list, tuple)):
        return [settings_of(value) for value in cfg]
    if type(cfg) in (type(None), bool, int, float, str):
        return cfg
    return getattr(cfg, '__qualname__', type(cfg).__qualname__)


def own_settings(settings):
    """Return what must stay the same, dotted key -> value."""
    flat = flattened(settings)
    return {
        key: value
        for key, value in flat.items()
        if (OWN_DATA.fullmatch(key) or any(f'{key}.'.startswith(f'{own}.') for own in OWN_SETTINGS))
        and not set(key.split('.')) & set(FREE)
    }


def flattened(value, where=''):
    """Return the values inside nested dicts and lists by their dotted keys."""
    if isinstance(value, (list, tuple)):
        value = dict(enumerate(value))
    if not isinstance(value, dict):
        return {where: value}
    flat = {}
    for key, entry in value.items():
        flat.update(flattened(entry, f'{where}.{key}' if where else str(key)))
    return flat

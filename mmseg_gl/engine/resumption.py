"""Check that a checkpoint belongs to the run that is resumed and has the same settings."""

import os
import re
from typing import Any

from mmengine import Config

from mmseg_gl.engine.checkpoint import check_run, has_checkpoints
from mmseg_gl.errors import UserError
from mmseg_gl.files import is_first_process

# Settings that a resumed run takes from the checkpoint (optimizers, schedules) or must not change.
# The data may have moved, and the number of processes, workers or iterations may have changed.
SEED = 'randomness.seed'
OWN_SETTINGS = ('model', 'metainfo.classes', 'optim_wrapper', 'param_scheduler', SEED)
OWN_DATA = re.compile(  # of one data set, or of each in a list
    r'train_dataloader\.dataset\.(source|target)((\.\d+)?\.type|_weights(\.\d+)?)'
)
FREE = ('init_cfg', 'test_cfg')  # initial weights and test mode of a network may change
SETTINGS = 'settings'  # key of the run's settings in a checkpoint's meta
ABSENT = 'nothing'  # stands for a setting that is not there


def check_resumption(cfg: Config, path: str, contents: dict[str, Any]) -> None:
    """Check that a run may be resumed from a checkpoint.

    Args:
        cfg: Config of the run, with ``work_dir``.
        path: Checkpoint file.
        contents: Contents of the file.

    Raises:
        UserError: When the checkpoint belongs to another run, whose files would replace those of
            the work dir, or when settings have changed that a resumed run cannot change.
    """
    outside = os.path.realpath(os.path.dirname(path) or '.') != os.path.realpath(cfg.work_dir)
    if outside and has_checkpoints(cfg.work_dir):
        raise UserError(
            f'--resume {path}: {cfg.work_dir} holds checkpoints of its own, which this run would '
            'replace; choose another --work-dir'
        )
    check_run(path, contents)
    settings = contents['meta'].get(SETTINGS, {})
    before, now = own_settings(settings), own_settings(settings_of(cfg))
    if now.get(SEED) is None:  # the run has drawn one, and goes on with it
        before.pop(SEED, None)
        now.pop(SEED, None)
    changed = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    if before and changed:
        key, more = changed[0], len(changed) - 1
        raise UserError(
            f'--resume: {path} belongs to a run with different settings: {key} was '
            f'{before.get(key, ABSENT)} and is {now.get(key, ABSENT)} now'
            + (f' (and {more} more)' if more else '')
            + '; continue with the settings of that run, or start a new one from its weights: '
            f'another --work-dir and --cfg-options load_from={path}'
        )
    planned = flattened(settings).get('train_cfg.max_iters')
    if planned and planned != cfg.train_cfg.max_iters and is_first_process():
        print(
            f'--resume: the run was planned for {planned} iterations and has '
            f'{cfg.train_cfg.max_iters} now; its schedules and phases stay as planned'
        )


def settings_of(cfg: Any) -> Any:
    """Convert a config to plain values, which checkpoints and JSON files can hold.

    Args:
        cfg: The config, or any value inside it.

    Returns:
        The settings: tuples become lists, keys become strings, classes and functions become their
        names, and any other value becomes the name of its class.
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


def own_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that a resumed run must not change, by dotted key."""
    flat = flattened(settings)
    return {
        key: value
        for key, value in flat.items()
        if (OWN_DATA.fullmatch(key) or any(f'{key}.'.startswith(f'{own}.') for own in OWN_SETTINGS))
        and not set(key.split('.')) & set(FREE)
    }


def flattened(value: Any, where: str = '') -> dict[str, Any]:
    """Return the values inside nested dicts and lists by their dotted keys."""
    if isinstance(value, (list, tuple)):
        value = dict(enumerate(value))
    if not isinstance(value, dict):
        return {where: value}
    flat = {}
    for key, entry in value.items():
        flat.update(flattened(entry, f'{where}.{key}' if where else str(key)))
    return flat

"""Kinds and ranges of config values: checks for dicts, lists and numbers where they are needed."""

import re
from typing import Any

from mmengine.config import Config

from mmseg_gl.errors import UserError, check_choice
from mmseg_gl.models import UDASegmentor

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
OTHER_LOADERS = 'other_test_dataloaders'  # by name
DOMAINS = ('source', 'target')
PART_KINDS = UDASegmentor.KINDS
DICTS = (
    'model',
    'model.segmentor',
    *(f'model.{kind}' for kind in PART_KINDS),
    'model.teacher',
    OTHER_LOADERS,
    'train_dataloader.dataset.source_sampling',
    'train_cfg',
    'optim_wrapper',
    'default_hooks',
    'randomness',
    'log_processor',
    'env_cfg',
    'visualizer',
    'translation_dataset',
    'required_options',
)
NUMBERS = {  # smallest allowed whole number
    'train_cfg.max_iters': 1,
    'train_cfg.val_interval': 1,
    'train_cfg.val_begin': 0,
    'default_hooks.logger.interval': 1,
    'default_hooks.checkpoint.interval': -1,
    'default_hooks.checkpoint.max_keep_ckpts': -1,
    'log_processor.window_size': 1,
    'randomness.seed': 0,
}
SCHEDULER_NUMBERS = {'power', 'eta_min', 'begin', 'end', 'gamma', 'start_factor', 'end_factor'}
LOG_LEVELS = ('DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL')
START_METHODS = ('fork', 'spawn', 'forkserver')
NAME = re.compile(r'[\w-]+')  # of a test set; used as a key of options and as a folder
PACKS = 'Pack'  # part of the name of the last step of a pipeline


def check_kinds(cfg: Config) -> None:
    """Check that config values are dicts, lists or names where the later checks rely on it.

    Raises:
        UserError: Naming the key, its value and what was expected.
    """
    for key in DICTS:
        check_dict(key, find(cfg, key))
    check_kinds_of_data(cfg)
    for parent in ('optim_wrapper', 'default_hooks'):
        for name, value in (find(cfg, parent) or {}).items():
            if parent == 'default_hooks' or name != 'constructor':
                check_dict(f'{parent}.{name}', value, optional=parent == 'default_hooks')
            if parent == 'optim_wrapper' and isinstance(value, dict):
                check_dict(f'{parent}.{name}.optimizer', value.get('optimizer', {}), False)
                check_dict(f'{parent}.{name}.paramwise_cfg', value.get('paramwise_cfg'))
    for kind in PART_KINDS:
        for name, value in (find(cfg, f'model.{kind}') or {}).items():
            check_dict(f'model.{kind}.{name}', value)
    if not isinstance(cfg.get('param_scheduler', []), (list, tuple, dict, type(None))):
        raise UserError(f'param_scheduler={cfg.param_scheduler!r}: expected a list of dicts')
    check_typed_list('custom_hooks', cfg.get('custom_hooks'))
    if isinstance(cfg.get('param_scheduler'), (list, tuple)):
        check_typed_list('param_scheduler', cfg.param_scheduler)
    if 'log_level' in cfg:
        check_choice('log_level', cfg.log_level, LOG_LEVELS)
    if method := find(cfg, 'env_cfg.mp_cfg.mp_start_method'):
        check_choice('env_cfg.mp_cfg.mp_start_method', method, START_METHODS)


def check_kinds_of_data(cfg: Config) -> None:
    """Check the kinds of data loaders and data sets; part of :func:`check_kinds`."""
    for name in cfg.get(OTHER_LOADERS) or {}:
        if not NAME.fullmatch(str(name)):
            raise UserError(
                f'{OTHER_LOADERS}: {name!r} cannot be the name of a test set; expected letters, '
                'digits, _ and -'
            )
    for loader in loader_keys(cfg):
        for key in (loader, f'{loader}.dataset'):
            check_dict(key, find(cfg, key), optional=loader in LOADERS)
        check_dict(f'{loader}.sampler', find(cfg, f'{loader}.sampler'))
    for domain in DOMAINS:
        key = f'train_dataloader.dataset.{domain}'
        if find(cfg, key) in ([], ()):
            raise UserError(f'{key}=[]: expected a data set, or a list of at least one')
    for key in dataset_keys(cfg):
        check_dict(key, find(cfg, key), optional=not key.split('.')[-1].isdigit())
        check_typed_list(f'{key}.pipeline', find(cfg, f'{key}.pipeline'))


def loader_keys(cfg: Config) -> list[str]:
    """Return the dotted keys under which a config may have data loaders."""
    return [*LOADERS, *(f'{OTHER_LOADERS}.{name}' for name in cfg.get(OTHER_LOADERS) or {})]


def is_loader(key: str) -> bool:
    """Return whether a dotted key belongs to a data loader."""
    return key in LOADERS or key.rpartition('.')[0] == OTHER_LOADERS


def dataset_keys(cfg: Config) -> list[str]:
    """Return the dotted keys under which a config may have data sets, one for each in a list."""
    keys = [f'{loader}.dataset' for loader in loader_keys(cfg)]
    for domain in (f'train_dataloader.dataset.{domain}' for domain in DOMAINS):
        value = find(cfg, domain)
        several = isinstance(value, (list, tuple))
        keys += [f'{domain}.{index}' for index in range(len(value))] if several else [domain]
    return [*keys, 'translation_dataset']


def check_dict(key: str, value: Any, optional: bool = True) -> None:
    if not isinstance(value, dict) and not (optional and value is None):
        raise UserError(
            f'{key}={value!r}: expected a dict; to change one of its values, name it: '
            f'{key}.NAME=...'
        )


def check_typed_list(key: str, value: Any) -> None:
    """Raise a UserError unless ``value`` is None or a list of ``dict(type=...)``."""
    if value is None:
        return
    if not isinstance(value, (list, tuple)):
        raise UserError(f'{key}={value!r}: expected a list of dicts')
    for index, entry in enumerate(value):
        if not isinstance(entry, dict) or not entry.get('type'):
            raise UserError(f'{key}.{index}={entry!r}: expected dict(type=..., ...)')


def check_values(cfg: Config) -> None:
    """Check for values that would fail deep inside the engine, or silently do the wrong thing.

    Raises:
        UserError: Naming the key, its value and what was expected.
    """
    loaders = loader_keys(cfg)
    batch_sizes = {f'{loader}.batch_size': 1 for loader in loaders}
    workers = {f'{loader}.num_workers': 0 for loader in loaders}
    for key, least in {**batch_sizes, **workers, **NUMBERS}.items():
        value, parent = find(cfg, key), find(cfg, key.rpartition('.')[0])
        missing = value is None and not (parent and key in batch_sizes)
        if not missing and (not isinstance(value, int) or value < least):
            raise UserError(f'{key}={value!r}: expected a whole number, at least {least}')
    schedulers = cfg.get('param_scheduler') or []
    for index, scheduler in enumerate(schedulers if isinstance(schedulers, list) else []):
        where = f'param_scheduler.{index}'
        for key in SCHEDULER_NUMBERS & set(scheduler):
            if not isinstance(scheduler[key], int | float):
                raise UserError(f'{where}.{key}={scheduler[key]!r}: expected a number')
        if scheduler.get('by_epoch', True):
            raise UserError(
                f'{where}.by_epoch={scheduler.get("by_epoch", True)}: training counts iterations, '
                'so that this schedule would never move on; set by_epoch=False'
            )
    if not (cfg.get('load_from', None) is None or isinstance(cfg.load_from, str) and cfg.load_from):
        raise UserError(f'load_from={cfg.load_from!r}: expected the path of a checkpoint, or None')
    for key in ('val_evaluator', 'test_evaluator'):
        metrics = cfg.get(key)
        metrics = metrics if isinstance(metrics, (list, tuple)) else [metrics]
        if any(metric in metrics[:index] for index, metric in enumerate(metrics)):
            raise UserError(f'{key} lists the same metric twice; leave one of them away')
    for key in dataset_keys(cfg):
        check_dataset(key, find(cfg, key))


def check_dataset(key: str, dataset: dict | None) -> None:
    """Check the type, suffixes and last pipeline step of a data set's config."""
    if dataset is None:
        return
    if not dataset.get('type'):
        raise UserError(f'{key} has no type: expected dict(type=..., data_root=..., ...)')
    for name in ('img_suffix', 'seg_map_suffix'):
        suffixes = dataset.get(name, '')
        suffixes = suffixes if isinstance(suffixes, (list, tuple)) else [suffixes]
        if not all(isinstance(suffix, str) for suffix in suffixes):
            raise UserError(f"{key}.{name}={dataset[name]!r}: expected a text, e.g. '.png'")
    steps = [step['type'] for step in dataset.get('pipeline') or ()]
    if 'pipeline' in dataset and not (steps and PACKS in str(steps[-1])):
        raise UserError(
            f'{key}.pipeline: expected its last step to be PackSegInputs, which makes samples of '
            f'what the others have loaded, but it is {steps[-1] if steps else "empty"}'
        )


def find(cfg: Any, key: str) -> Any:
    """Return the value at a dotted key, None if there is none; numbers index lists."""
    value = cfg
    part: str | int
    for part in key.split('.'):
        if isinstance(value, (list, tuple)):
            value = dict(enumerate(value))
            part = int(part) if part.isdigit() else part
        value = value.get(part) if hasattr(value, 'get') else None
    return value

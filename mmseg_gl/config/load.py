"""Load a config file and report its mistakes before anything is built."""

import logging
import multiprocessing
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope

import mmseg_gl  # noqa: F401  (registers everything)
from mmseg_gl.config.arguments import (
    LOADERS,
    OTHER_LOADERS,
    TOP_LEVEL,
    check_arguments,
    check_value,
)
from mmseg_gl.config.classes import WITH_DATA, check_classes, data_sets, set_classes
from mmseg_gl.config.helpers import check_helper_option, check_helpers_of_files
from mmseg_gl.config.options import check_option, find
from mmseg_gl.engine.quiet import quiet
from mmseg_gl.errors import UserError, check_choice, check_is_file

DATA_VARIABLE = 'STREET_SCENES'  # the environment variable that configs use
# Smallest whole numbers: the types come from annotations, ranges do not.
LEAST = {
    'train_cfg.max_iters': 1,
    'train_cfg.val_interval': 1,
    'train_cfg.val_begin': 0,
    'val_cfg.num_images': 0,
    'default_hooks.checkpoint.interval': -1,
    'default_hooks.checkpoint.max_keep_ckpts': -1,
    'default_hooks.logger.interval': 1,
    'log_processor.window_size': 1,
}
SEVERAL_OPTIMIZERS = ('UDASegmentor', 'CycleGAN')  # models that take an OptimWrapperDict
TEST_SET = re.compile(r'[\w-]+')  # its name is a key of options and a folder


@quiet(logging.WARNING)  # mmengine names the environment variable for every file it reads
def load_config(
    path: str, options: dict[str, Any] | None = None, required: Sequence[str] = ('model',)
) -> Config:
    """Load a config file, apply ``--cfg-options`` and check keys, types and values.

    Args:
        path: Config file.
        options: Dotted key -> value. Options for ``val_dataloader`` also change
            ``test_dataloader`` if the two are equal.
        required: Top-level keys that the config must have.

    Returns:
        The merged config.

    Raises:
        UserError: For a missing, broken or incomplete file; an option for a key that does not
            exist; an unknown ``type`` or an argument that a ``type`` does not have (suggests the
            closest known name); a value of the wrong kind or range
            (:mod:`mmseg_gl.config.arguments`); a variable of config files that is changed without
            effect (:mod:`mmseg_gl.config.helpers`); and for classes of heads, data sets and labels
            that do not match (:mod:`mmseg_gl.config.classes`).
    """
    check_is_file(path, 'config')
    try:
        cfg = Config.fromfile(path)
    except UserError:
        raise
    except RecursionError as error:
        raise UserError(
            f'cannot read the config {path}: its _base_ files name each other'
        ) from error
    except (Exception, SystemExit) as error:
        variable = os.environ.get(DATA_VARIABLE, '')
        hint = (
            f'; the environment variable {DATA_VARIABLE} is {variable!r}, but it must not contain '
            'quotes or backslashes; rename the folder'
        )
        raise UserError(
            f'cannot read the config {path}: {type(error).__name__}: {error}'
            + (hint if set(variable) & set('\'"\\') else '')
        ) from error
    check_helpers_of_files(str(path), TOP_LEVEL)
    init_default_scope('mmseg')
    check_arguments(cfg)
    options = dict(options or {})
    for key in options:
        check_helper_option(cfg, key, TOP_LEVEL)
        check_option(cfg, key)
    if cfg.get('test_dataloader') == cfg.get('val_dataloader'):  # keep them equal
        for key in [key for key in options if key.startswith('val_dataloader.')]:
            options.setdefault(key.replace('val_', 'test_', 1), options[key])
    for key, value in options.items():
        try:
            cfg.merge_from_dict({key: value})
        except Exception as error:  # mmengine raises many kinds
            raise UserError(
                f'--cfg-options {key}={value}: {error}; check the key and the value'
            ) from error
    check_arguments(cfg)
    check_values(cfg)
    set_classes(cfg, options)
    check_classes(cfg)
    if missing := [key for key in required if cfg.get(key) is None]:
        raise UserError(
            f'the config {path} has no {missing[0]}: it is only part of a config, or its _base_ '
            'lacks a file'
        )
    return cfg


def check_required_options(cfg: Config) -> None:
    """Refuse to train with a config whose ``required_options`` are not set.

    Raises:
        UserError: With the option that is missing and what it takes.
    """
    for key, value in (cfg.get('required_options') or {}).items():
        if find(cfg, key) is None:
            raise UserError(f'{cfg.filename} needs --cfg-options {key}=..., {value}')


def schedulers_in(value: Any, where: str = 'param_scheduler') -> Iterator[tuple[str, dict]]:
    """Yield the schedulers of a config, one or several, also by optimizer, with their keys."""
    if isinstance(value, dict) and 'type' in value:
        yield where, value
    elif isinstance(value, (dict, list, tuple)):
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        for key, entry in entries:
            yield from schedulers_in(entry, f'{where}.{key}')


def check_values(cfg: Config) -> None:
    """Check for values that would fail deep inside the engine, or silently have the wrong effect.

    Raises:
        UserError: Naming the key, its value and what was expected.
    """
    loaders = [loader for loader in LOADERS if cfg.get(loader)]
    loaders += [f'{OTHER_LOADERS}.{name}' for name in cfg.get(OTHER_LOADERS) or ()]
    for key, least in [*((f'{loader}.batch_size', 1) for loader in loaders), *LEAST.items()]:
        value = find(cfg, key)
        is_given = value is not None or key not in LEAST
        if is_given and not (isinstance(value, int) and value >= least):
            raise UserError(f'{key}={value!r}: expected a whole number, at least {least}')
    for name in cfg.get(OTHER_LOADERS) or ():
        if not TEST_SET.fullmatch(str(name)):
            raise UserError(
                f'{OTHER_LOADERS}: {name!r} cannot be the name of a test set; expected letters, '
                'digits, _ and -'
            )
    model = cfg.get('model') or {}
    is_own = 'data_preprocessor' in model
    given = model if is_own else cfg  # mmengine takes it from the top otherwise
    needs_it = is_own or model.get('type') in SEVERAL_OPTIMIZERS
    if needs_it and given.get('data_preprocessor') is None:
        raise UserError(
            'model.data_preprocessor=None: expected a SegDataPreProcessor or another one, which '
            'makes a batch of images'
        )
    for where, scheduler in schedulers_in(cfg.get('param_scheduler')):
        if scheduler.get('by_epoch', True):
            raise UserError(
                f'{where}.by_epoch=True: training counts iterations, so this schedule would never '
                'advance; set by_epoch=False'
            )
    wrappers = cfg.get('optim_wrapper') or {}
    if wrappers and 'constructor' not in wrappers and find(cfg, 'model.type') in SEVERAL_OPTIMIZERS:
        raise UserError(
            f'optim_wrapper has no constructor, but a {cfg.model.type} has an optimizer for each '
            "part; set constructor='MultiOptimWrapperConstructor' and a dict(optimizer=...) for "
            'each by its name, such as segmentor'
        )
    for name, entry in wrappers.items():
        if 'constructor' in wrappers and name != 'constructor':
            check_value(f'optim_wrapper.{name}', entry, dict)
    if cfg.get('load_from') == '':
        raise UserError("load_from='': expected the path of a checkpoint, or None")
    if method := find(cfg, 'env_cfg.mp_cfg.mp_start_method'):
        methods = multiprocessing.get_all_start_methods()
        check_choice('env_cfg.mp_cfg.mp_start_method', method, methods)
    for key in ('val_evaluator', 'test_evaluator'):
        metrics = cfg.get(key)
        metrics = metrics if isinstance(metrics, list) else []
        if any(metric in metrics[:index] for index, metric in enumerate(metrics)):
            raise UserError(f'{key} lists the same metric twice; remove one of them')
    for where, dataset in data_sets(cfg, (*WITH_DATA, 'translation_dataset')):
        types = [
            isinstance(step, dict) and step.get('type') for step in dataset.get('pipeline', ())
        ]
        if 'pipeline' in dataset and not (all(types) and 'Pack' in str(types[-1:])):
            raise UserError(
                f'{where}.pipeline: expected a list of dict(type=...) that ends with '
                'PackSegInputs, which packs what the other steps have loaded'
            )

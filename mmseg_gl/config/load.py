"""Load a config file and find its mistakes before anything is built."""

import contextlib
import inspect
import logging
import os
from collections.abc import Iterator, Sequence
from typing import Any

import mmengine.registry
from mmengine.config import Config, ConfigDict
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg import registry as mmseg_registry
from torch.utils.data import DataLoader

import mmseg_gl  # noqa: F401  (registers everything)
from mmseg_gl.config.classes import check_classes, set_classes
from mmseg_gl.config.helpers import check_helper_option, check_helpers_of_files
from mmseg_gl.config.shape import (
    OTHER_LOADERS,
    PART_KINDS,
    check_kinds,
    check_values,
    find,
    is_loader,
)
from mmseg_gl.errors import UserError, check_is_file, closest

REGISTRIES = [
    value
    for module in (mmseg_registry, mmengine.registry)
    for value in vars(module).values()
    if isinstance(value, mmengine.registry.Registry)
]
TOP_LEVEL = set(inspect.signature(Runner.__init__).parameters) - {'self', 'cfg'} | {
    'custom_imports',
    # Read by Runner from the whole config.
    'activation_checkpointing',
    'compile',
    'efficient_conv_bn_eval',
    'find_unused_parameters',
    'model_wrapper_cfg',
    'sync_bn',
    # Read by this library's tools.
    'metainfo',
    'required_options',
    'translation_dataset',
    OTHER_LOADERS,
}
LOADER_KEYS = set(inspect.signature(DataLoader.__init__).parameters) | {'num_batch_per_epoch'}
DATA_VARIABLE = 'STREET_SCENES'  # the environment variable that configs use
# Keys that the builders of mmcv and mmengine remove from a config dict before they build it.
BUILDER_KEYS = {
    'norm_cfg': {'requires_grad'},
    'default_hooks': {'priority'},
    'custom_hooks': {'priority'},
}


@contextlib.contextmanager
def only_warnings() -> Iterator[None]:
    """Keep mmengine from naming the environment variable of a config for every file it reads."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


@only_warnings()
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
            (:mod:`mmseg_gl.config.shape`); a variable of config files that is changed without
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
            f'; the environment variable {DATA_VARIABLE} is {variable!r}: in a config there can be '
            'no quotes and backslashes in it; use another name for the folder'
        )
        raise UserError(
            f'cannot read the config {path}: {type(error).__name__}: {error}'
            + (hint if set(variable) & set('\'"\\') else '')
        ) from error
    check_helpers_of_files(str(path), TOP_LEVEL)
    check_kinds(cfg)
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
            raise UserError(f'--cfg-options {key}={value}: {error}; see what is there') from error
    check_kinds(cfg)
    init_default_scope('mmseg')
    for key in cfg:
        match = closest(key, TOP_LEVEL, cutoff=0.85)
        if key not in TOP_LEVEL and match:
            raise UserError(f'unknown config key "{key}"; did you mean "{match}"?')
    check_types(cfg._cfg_dict, '')
    check_values(cfg)
    set_classes(cfg, options)
    check_classes(cfg)
    if missing := [key for key in required if cfg.get(key) is None]:
        raise UserError(
            f'the config {path} has no {missing[0]}: it is only a part of a config, or a part is '
            'missing from its _base_'
        )
    return cfg


def check_required_options(cfg: Config) -> None:
    """Refuse to train with a config that leaves open where to start from.

    Raises:
        UserError: With the option that is missing and what it takes.
    """
    for key, value in (cfg.get('required_options') or {}).items():
        if find(cfg, key) is None:
            raise UserError(f'{cfg.filename} needs --cfg-options {key}=..., {value}')


def check_option(cfg: Config, key: str) -> None:
    """Refuse an option for a key that the config lacks; a dict with ``type`` may get new ones."""
    node, parts = cfg._cfg_dict, key.split('.')
    for depth, part in enumerate(parts):
        where = '.'.join(parts[:depth]) or 'the config'
        if isinstance(node, (list, tuple)):
            if not part.isdigit() or int(part) >= len(node):
                raise UserError(f'--cfg-options {key}: {where} is a list of {len(node)}')
            node = node[int(part)]
        elif isinstance(node, dict):
            last = depth == len(parts) - 1
            known = set(node) | (TOP_LEVEL if depth == 0 else set())
            if where == 'optim_wrapper':  # an entry for a single part is optional
                known |= part_names(cfg)
            if part not in known and not (last and 'type' in node):
                match = closest(part, known)
                if match or not last or depth == 0:
                    raise UserError(
                        f'--cfg-options {key}: {where} has no key "{part}"'
                        + (
                            f'; did you mean "{match}"?'
                            if match
                            else f' ({", ".join(sorted(node))})'
                        )
                    )
            node = node.get(part, ConfigDict())
        elif node is None:
            node = ConfigDict()
        else:
            raise UserError(f'--cfg-options {key}: {where} is {node!r}, not a dict')


def part_names(cfg: Config) -> set[str]:
    """Return the names of the parts of a config's model."""
    return {name for kind in PART_KINDS for name in (cfg.get('model') or {}).get(kind) or ()}


def check_types(node: Any, where: str) -> None:
    """Check the keys of every ``dict(type=...)`` below ``node`` against its class's arguments."""
    if isinstance(node, dict):
        known, kind = set(), node.get('type', '-')
        if not (isinstance(kind, str) and kind or callable(kind)):
            raise UserError(f'{where}.type={kind!r}: expected the name of a registered class')
        if is_loader(where):
            known, owner = LOADER_KEYS, 'a data loader'
        elif isinstance(node.get('type'), str):
            known, owner = accepted_arguments(node['type'], where), node['type']
        for key in node:
            if known and key not in known:
                match = closest(key, known)
                raise UserError(
                    f'{where}.{key}: {owner} has no option "{key}"'
                    + (f'; did you mean "{match}"?' if match else '')
                )
        for key, value in node.items():
            check_types(value, f'{where}.{key}' if where else key)
    elif isinstance(node, (list, tuple)):
        for index, value in enumerate(node):
            check_types(value, f'{where}.{index}')


def accepted_arguments(type_name: str, where: str) -> set[str]:
    """Return the argument names of a registered class; empty if it accepts any.

    Raises:
        UserError: If nothing is registered under that name.
    """
    found = (registry.get(type_name) for registry in REGISTRIES)
    cls = next((c for c in found if callable(c)), None)  # `get` finds modules, too
    if cls is None:
        names = {name for registry in REGISTRIES for name in registry.module_dict}
        match = closest(type_name, names, cutoff=0.8)
        raise UserError(
            f'{where}.type: nothing is registered as "{type_name}"'
            + (f'; did you mean "{match}"?' if match else '')
        )
    arguments = {'type', '_scope_'}
    for part in where.split('.')[-2:]:
        arguments |= BUILDER_KEYS.get(part, set())
    for owner in inspect.getmro(cls) if inspect.isclass(cls) else [cls]:
        function = owner.__dict__.get('__init__') if inspect.isclass(owner) else owner
        if function is None:
            continue
        parameters = inspect.signature(function).parameters.values()
        arguments |= {p.name for p in parameters}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return arguments
    return set()

"""Check config values against the signatures of the classes and functions that receive them."""

import inspect
import typing
from collections.abc import Callable
from functools import cache
from inspect import Parameter
from typing import Any

import mmengine.registry
from mmengine.config import Config
from mmengine.runner import LogProcessor, Runner, set_random_seed
from mmengine.utils.dl_utils import set_multi_processing
from mmseg import registry as mmseg_registry
from torch.utils.data import DataLoader

from mmseg_gl.config.annotations import accepts, in_words
from mmseg_gl.errors import UserError, closest

REGISTRIES = [
    value
    for module in (mmseg_registry, mmengine.registry)
    for value in vars(module).values()
    if isinstance(value, mmengine.registry.Registry)
]
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
OTHER_LOADERS = 'other_test_dataloaders'  # by name
OWNERS = {  # of dicts without a type
    **dict.fromkeys(LOADERS, DataLoader),
    'log_processor': LogProcessor,
    'randomness': set_random_seed,
    'env_cfg.mp_cfg': set_multi_processing,
}
TOP_LEVEL = {  # what no signature has: read by Runner from the whole config, or by the tools
    **dict.fromkeys(('activation_checkpointing', 'compile', 'efficient_conv_bn_eval'), Any),
    **dict.fromkeys(('find_unused_parameters', 'sync_bn', 'custom_imports', 'metainfo'), Any),
    **dict.fromkeys(('model_wrapper_cfg', 'required_options', 'translation_dataset'), dict | None),
    OTHER_LOADERS: dict[str, dict] | None,
}
REMOVED = {  # by mmcv's and mmengine's builders from the dict of this key, before it is built
    'norm_cfg': {'requires_grad'},
    'default_hooks': {'priority'},
    'custom_hooks': {'priority'},
}

MISANNOTATED = ('bgr_to_rgb', 'loss_scale', 'patch_pad', 'vis_backends')  # by mmengine and mmseg


@cache
def arguments_of(function: Callable) -> dict[str, Any]:
    """Return the annotations of the arguments of a function or class; empty if it takes any.

    What a class passes on as ``**kwargs`` are the arguments of its parent.
    """
    found: dict[str, Any] = {}
    for owner in inspect.getmro(function) if inspect.isclass(function) else [function]:
        own = vars(owner).get('__init__') if inspect.isclass(owner) else owner
        if own is None:
            continue
        parameters = inspect.signature(own).parameters.values()
        names = {**vars(typing), **getattr(own, '__globals__', {})}
        for parameter in parameters:
            found.setdefault(parameter.name, annotation_of(parameter, names))
        if not any(p.kind is Parameter.VAR_KEYWORD for p in parameters):
            return found
    return {}


def annotation_of(parameter: Parameter, names: dict[str, Any]) -> Any:
    """Return a parameter's annotation; without one, ``str`` if its default is a string.

    Args:
        parameter: The parameter.
        names: What an annotation that is a text may name.
    """
    annotation, default = parameter.annotation, parameter.default
    if annotation is Parameter.empty:
        return str | list[str] | None if isinstance(default, str) else Any
    if isinstance(annotation, str):
        try:
            annotation = eval(annotation, names)
        except (NameError, TypeError):  # of something that only a type checker imports
            return Any
    return typing.Optional[annotation] if default is None else annotation  # noqa: UP045


TOP_LEVEL.update(arguments_of(Runner))
del TOP_LEVEL['self'], TOP_LEVEL['cfg']


def check_arguments(cfg: Config) -> None:
    """Check the names and types of all values of a config.

    Raises:
        UserError: Naming the key and what was expected.
    """
    for key, value in cfg.items():
        if key in TOP_LEVEL:
            check_value(key, value, TOP_LEVEL[key])
        elif match := closest(key, TOP_LEVEL, cutoff=0.85):
            raise UserError(f'unknown config key "{key}"; did you mean "{match}"?')
        check_below(value, key)


def check_below(node: Any, where: str) -> None:
    """Check every dict below a value against what it is passed to.

    Args:
        node: The value.
        where: Its dotted key.
    """
    if isinstance(node, (list, tuple)):
        for index, value in enumerate(node):
            check_below(value, f'{where}.{index}')
    if not isinstance(node, dict):
        return
    name, owner = owner_of(node, where)
    known = arguments_of(owner) if owner else {}
    ignored = {'type', '_scope_'}.union(*(REMOVED.get(part, ()) for part in where.split('.')[-2:]))
    for key, value in node.items():
        if key in known and key not in MISANNOTATED:
            check_value(f'{where}.{key}', value, known[key])
        elif known and key not in known and key not in ignored:
            match = closest(key, known)
            raise UserError(
                f'{where}.{key}: {name} has no option "{key}"'
                + (f'; did you mean "{match}"?' if match else '')
            )
        check_below(value, f'{where}.{key}')


def check_value(key: str, value: Any, annotation: Any) -> None:
    if not accepts(annotation, value):
        raise UserError(f'{key}={value!r}: expected {in_words(annotation)}')


def owner_of(node: dict, where: str) -> tuple[str, Callable | None]:
    """Return the name and the function or class that a dict of a config is passed to, or None.

    Raises:
        UserError: If nothing is registered under its ``type``.
    """
    if 'type' not in node:
        is_other_loader = where.rpartition('.')[0] == OTHER_LOADERS
        owner = DataLoader if is_other_loader else OWNERS.get(where)
        return where, owner
    name = node['type']
    if callable(name):
        return name.__name__, name
    if not isinstance(name, str) or not name:
        raise UserError(f'{where}.type={name!r}: expected the name of a registered class')
    # Where it is registered first: `get` looks in parents, and for modules, which is slow.
    registries = sorted(REGISTRIES, key=lambda registry: name not in registry.module_dict)
    found = (registry.get(name) for registry in registries)
    owner = next((c for c in found if callable(c)), None)  # `get` finds modules, too
    if owner is None:
        names = {name for registry in REGISTRIES for name in registry.module_dict}
        match = closest(name, names, cutoff=0.8)
        raise UserError(
            f'{where}.type: nothing is registered as "{name}"'
            + (f'; did you mean "{match}"?' if match else '')
        )
    return name, owner

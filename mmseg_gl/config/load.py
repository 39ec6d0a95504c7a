"""Reading a config and finding its mistakes before anything is built."""

import difflib
import inspect
import os

import mmengine.registry
from mmengine.config import Config, ConfigDict
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
from mmseg_gl.errors import UserError

REGISTRIES = [
    value
    for module in (mmseg_registry, mmengine.registry)
    for value in vars(module).values()
    if isinstance(value, mmengine.registry.Registry)
]
TOP_LEVEL = set(inspect.signature(Runner.__init__).parameters) - {'self', 'cfg'} | {
    'custom_imports',
    # What Runner takes out of the whole config.
    'activation_checkpointing',
    'compile',
    'efficient_conv_bn_eval',
    'find_unused_parameters',
    'model_wrapper_cfg',
    'sync_bn',
    # What this library's tools read.
    'metainfo',
    'required_options',
    'translation_dataset',
    OTHER_LOADERS,
}
LOADER_KEYS = set(inspect.signature(DataLoader.__init__).parameters) | {'num_batch_per_epoch'}
DATA_VARIABLE = 'STREET_SCENES'  # the environment variable that configs use
# What mmcv's and mmengine's builders take out of a typed dict before they build it.
BUILDER_KEYS = {
    'norm_cfg': {'requires_grad'},
    'default_hooks': {'priority'},
    'custom_hooks': {'priority'},
}


def load_config(path, options=None, required=('model',)):
    """Read a config file, apply ``--cfg-options`` and check names.

    Args:
        path (str): Config file.
        options (dict[str, object] | None): Dotted key -> value. What changes ``val_dataloader``
            changes an equal ``test_dataloader`` as well.
        required (Sequence[str]): Top-level keys that it must have.

    Returns:
        Config: The merged config.

    Raises:
        UserError: For a missing, broken or incomplete file, an option for a key that does not
            exist, an unknown ``type``, or an argument that a ``type`` does not have (names the
            nearest known one), for variables of config files that are changed in vain
            (:mod:`mmseg_gl.config.helpers`), and for classes of heads, data sets and labels
            that do not fit.
    """
    if os.path.isdir(path):
        raise UserError(f'{path} is a folder; expected a config file in it')
    if not os.path.isfile(path):
        raise UserError(f'there is no config file {path}{nearest_file(path)}')
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
    if cfg.get('test_dataloader') == cfg.get('val_dataloader'):  # it stays that way
        for key in [key for key in options if key.startswith('val_dataloader.')]:
            options.setdefault(key.replace('val_', 'test_', 1), options[key])
    for key, value in options.items():
        try:
            cfg.merge_from_dict({key: value})
        except Exception as error:  # of any kind, from deep inside mmengine
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


def check_option(cfg, key):
    """Refuse an option whose key is not in the config, unless a typed dict may take it."""
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
            if where == 'optim_wrapper':  # an entry of a part's own need not be there
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


def part_names(cfg):
    """Return the names of a model's parts."""
    return {name for kind in PART_KINDS for name in (cfg.get('model') or {}).get(kind) or ()}


def check_types(node, where):
    """Check every ``dict(type=...)`` below ``node`` against what its class accepts."""
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


def accepted_arguments(type_name, where):
    """Return the argument names of a registered class; empty when it takes any."""
    found = (registry.get(type_name) for registry in REGISTRIES)
    cls = next((c for c in found if callable(c)), None)  # `get` finds modules, too
    if cls is None:
        names = {name for registry in REGISTRIES for name in registry.module_dict}
        match = closest(type_name, names)
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


def closest(name, names, cutoff=0.6):
    name, names = str(name), map(str, names)
    matches = difflib.get_close_matches(name, list(names), n=1, cutoff=cutoff)
    return matches[0] if matches else None


def nearest_file(path):
    folder = os.path.dirname(path) or '.'
    names = os.listdir(folder) if os.path.isdir(folder) else []
    match = closest(os.path.basename(path), names)
    return f'; did you mean {os.path.join(os.path.dirname(path), match)}?' if match else ''

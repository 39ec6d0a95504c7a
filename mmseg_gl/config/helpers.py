"""Helper variables of config files: settings copy them, so changing one alone has no effect."""

import ast
import importlib
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from mmengine.config import Config

from mmseg_gl.errors import UserError

MOST_PLACES = 3  # named in one error message
Keys = tuple[str | int, ...]


def check_helper_option(cfg: Config, key: str, settings: Collection[str]) -> None:
    """Refuse an option that sets a helper variable of the config files.

    Args:
        cfg: The merged config.
        key: Dotted key of ``--cfg-options``.
        settings: Top-level keys that are settings.

    Raises:
        UserError: Naming the keys that hold copies of the helper.
    """
    helper, *rest = key.split('.')
    if helper in cfg and not is_setting(cfg, helper, settings):
        places = [(*place, *rest) for place in copies(cfg, helper, settings)]
        raise UserError(f'--cfg-options {key}: {advice(helper, places)}')


def check_helpers_of_files(path: str, settings: Collection[str]) -> None:
    """Refuse a config file, or one of its ``_base_`` files, that changes a helper without effect.

    A change has no effect if a setting in a base was copied from the helper, and the file itself
    does not read it: the setting keeps the old value.

    Args:
        path: A readable config file; only ``.py`` files are checked.
        settings: Top-level keys that are settings.

    Raises:
        UserError: Naming the keys that hold copies of the helper.
    """
    bases = base_files(path)
    for base in bases:
        check_helpers_of_files(base, settings)
    names = (assigned_names(path) - read_names(path)).intersection(
        set().union(*map(all_assigned_names, bases))
    )
    names -= {'_base_', *settings} - {'data_preprocessor'}  # these are no helpers; see is_setting
    if not names:
        return
    after = load(path)
    for before in map(load, bases):
        for helper in sorted(names & set(before) & set(after)):
            is_changed = before[helper] != after[helper] and not is_setting(after, helper, settings)
            if is_changed and (places := copies(before, helper, settings)):
                raise UserError(f'{path}: {advice(helper, places)}')


def load(path: str) -> Config:
    """Read a config file without running its ``custom_imports``."""
    return Config.fromfile(path, import_custom_modules=False)


def is_setting(cfg: Mapping, key: str, settings: Collection[str]) -> bool:
    """Return whether a run reads a top-level key of its config."""
    # mmengine passes the top-level data_preprocessor to models that lack one.
    unread = key == 'data_preprocessor' and key in (cfg.get('model') or {})
    return key in settings and not unread


def advice(helper: str, places: list[Keys]) -> str:
    """Return the error message about changing a helper that was copied to ``places``."""
    names = ['.'.join(map(str, place)) for place in places]
    fault = f'`{helper}` is only a variable of the config files: changing it here has no effect'
    if not names:
        return f'{fault}, and no part of the run reads it'
    more = f' and {len(names) - MOST_PLACES} more' if len(names) > MOST_PLACES else ''
    return f'{fault}; use {", ".join(names[:MOST_PLACES])}{more}'


def copies(cfg: Mapping, helper: str, settings: Collection[str]) -> list[Keys]:
    """Return the places in the settings of a config that were copied from a helper.

    Copies that were changed later are found by the helper's name or by their ``type``.
    """
    value = cfg[helper]
    kind = kind_of(value)

    def is_equal(key: str | int, other: Any) -> bool:
        if isinstance(value, str) and isinstance(other, str):
            return bool(value) and f'{other}/'.startswith(f'{value.rstrip("/")}/')
        return isinstance(value, (dict, list, tuple)) and bool(value) and other == value

    def is_named(key: str | int, other: Any) -> bool:
        return key == helper and kind_of(other) == kind

    def has_type(key: str | int, other: Any) -> bool:
        return kind is not None and kind_of(other) == kind

    keys = [key for key in cfg if is_setting(cfg, key, settings)]
    for fits in (is_equal, is_named, has_type):
        if found := [place for key in keys for place in places_in(cfg[key], (key,), fits)]:
            return found
    return []


def kind_of(value: Any) -> str | None:
    """Return the ``type`` of a config dict; None for other values."""
    return value.get('type') if isinstance(value, dict) else None


def places_in(node: Any, place: Keys, fits: Callable[[str | int, Any], bool]) -> Iterator[Keys]:
    """Yield the keys to every outermost value for which ``fits(key, value)``."""
    if fits(place[-1], node):
        yield place
    elif isinstance(node, (dict, list, tuple)):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from places_in(value, (*place, key), fits)


def base_files(path: str) -> list[str]:
    """Return the paths of the ``_base_`` files that a config file lists as literals."""
    for node in parsed(path).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == '_base_':
            try:
                bases = ast.literal_eval(node.value)
            except ValueError:
                return []
            bases = [bases] if isinstance(bases, str) else bases
            return [file for base in bases if os.path.isfile(file := base_file(path, base))]
    return []


def base_file(path: str, base: str) -> str:
    """Return the path of a ``_base_`` entry, which may be ``PACKAGE::FILE``."""
    package, separator, file = base.partition('::')
    if separator:
        folder = os.path.dirname(str(importlib.import_module(package).__file__))
        return os.path.join(folder, '.mim', 'configs', file)
    return os.path.join(os.path.dirname(path), base)


def assigned_names(path: str) -> set[str]:
    return {node.id for node in names_in(path) if isinstance(node.ctx, ast.Store)}


def all_assigned_names(path: str) -> set[str]:
    """Return the names that a config file and its ``_base_`` files assign."""
    return assigned_names(path).union(*map(all_assigned_names, base_files(path)))


def read_names(path: str) -> set[str]:
    return {node.id for node in names_in(path) if isinstance(node.ctx, ast.Load)}


def names_in(path: str) -> list[ast.Name]:
    return [node for node in ast.walk(parsed(path)) if isinstance(node, ast.Name)]


def parsed(path: str) -> ast.Module:
    """Return the syntax tree of a Python config; an empty one for other file types."""
    if not path.endswith('.py'):
        return ast.Module(body=[], type_ignores=[])
    with open(path, encoding='utf-8') as file:
        text = file.read()
    return ast.parse(re.sub(r'\{\{.*?\}\}', '0', text))  # mmengine fills in {{$VARIABLE:...}}

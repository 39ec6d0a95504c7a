"""Helper variables of config files: settings copy them, so changing one alone has no effect."""

from __future__ import annotations

import ast
import importlib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mmengine.config import Config

from mmseg_gl.errors import UserError

MOST_PLACES = 3  # named in one error message
Keys = tuple[str | int, ...]


def check_helper_option(cfg: Config, key: str, settings: Iterable[str]) -> None:
    """Refuse an option that sets a helper variable of the config files.

    Args:
        cfg: The merged config.
        key: Dotted key of ``--cfg-options``.
        settings: Top-level keys that are settings.

    Raises:
        UserError: Naming the keys that hold copies of the helper.
    """
    helper, *rest = key.split('.')
    settings = read_settings(cfg, settings)
    if helper in cfg and helper not in settings:
        places = [(*place, *rest) for place in copies(cfg, helper, settings)]
        raise UserError(f'--cfg-options {key}: {advice(helper, places)}')


def check_helpers_of_files(path: str, settings: Iterable[str]) -> None:
    """Refuse a config file, or one of its ``_base_`` files, that changes a helper without effect.

    A change has no effect if a setting in the bases of the file was copied from the helper: the
    setting keeps the old value.

    Args:
        path: A readable config file; only ``.py`` files are checked.
        settings: Top-level keys that are settings.

    Raises:
        UserError: Naming the keys that hold copies of the helper.
    """
    bases = base_files(path)
    for base in bases:
        check_helpers_of_files(base, settings)
    names = assigned_names(path) - set(settings)
    if not any(names & all_assigned_names(base) for base in bases):
        return
    before = {key: value for base in bases for key, value in load(base).items()}
    after = load(path)
    settings = read_settings(after, settings)
    for helper in sorted(names & set(before) & set(after)):
        old, new = before[helper], after[helper]
        if old == new or exact_copies(after, helper, settings):
            continue
        places = copies(before, helper, settings)
        if places and all(is_unchanged(value_at(after, place), old, new) for place in places):
            places = [(*place, *changed_part(old, new)) for place in places]
            raise UserError(f'{path}: {advice(helper, places)}')


def load(path: str) -> Config:
    """Read a config file without running its ``custom_imports``."""
    return Config.fromfile(path, import_custom_modules=False)


def read_settings(cfg: Mapping, settings: Iterable[str]) -> set[str]:
    """Return those settings that a run of this config reads."""
    # mmengine passes the top-level data_preprocessor to models that lack one.
    own = 'data_preprocessor' in (cfg.get('model') or {})
    return set(settings) - ({'data_preprocessor'} if own else set())


def advice(helper: str, places: list[Keys]) -> str:
    """Return the error message about changing a helper that was copied to ``places``."""
    names = ['.'.join(map(str, place)) for place in places]
    fault = f'`{helper}` is only a variable of the config files and changing it here does nothing'
    if not names:
        return f'{fault}, since no part of the run reads it'
    more = [f'{len(names) - MOST_PLACES} more'] if len(names) > MOST_PLACES else []
    *first, last = [*names[:MOST_PLACES], *more]
    return f'{fault}; use {", ".join(first)}{" and " if first else ""}{last}'


def copies(cfg: Mapping, helper: str, settings: Iterable[str]) -> list[Keys]:
    """Return the keys of the settings that were copied from a helper.

    Copies that were changed later are found by the helper's name or by their ``type``.
    """
    kind = kind_of(cfg[helper])

    def has_its_name(key: str | int, other: Any) -> bool:
        return key == helper and kind_of(other) == kind

    def has_its_type(_: str | int, other: Any) -> bool:
        return kind is not None and kind_of(other) == kind

    return (
        exact_copies(cfg, helper, settings)
        or places_in(cfg, settings, has_its_name)
        or places_in(cfg, settings, has_its_type)
    )


def kind_of(value: Any) -> str | None:
    """Return the ``type`` of a config dict; None for other values."""
    return value.get('type') if isinstance(value, dict) else None


def exact_copies(cfg: Mapping, helper: str, settings: Iterable[str]) -> list[Keys]:
    """Return the keys of the settings that hold the unchanged value of a helper."""
    return places_in(
        cfg, settings, lambda key, other: is_copy(other, cfg[helper], named=key == helper)
    )


def is_copy(other: Any, value: Any, named: bool = True) -> bool:
    """Return whether ``other`` is a copy of ``value``.

    A path inside a folder counts as a copy of the folder. Values that occur everywhere, such as
    numbers, count only under the helper's own name (``named``).
    """
    if isinstance(value, str) and value:
        inside = value.rstrip('/') + '/'
        return other == value or isinstance(other, str) and other.startswith(inside)
    if isinstance(value, (dict, list, tuple)) and value:
        return other == value
    return named and other == value


def places_in(
    cfg: Mapping, settings: Iterable[str], fits: Callable[[str | int, Any], bool]
) -> list[Keys]:
    """Return the keys to every outermost value in the settings for which ``fits(key, value)``."""

    def search(node: Any, place: Keys) -> list[Keys]:
        if fits(place[-1], node):
            return [place]
        items: Iterable[tuple] = node.items() if isinstance(node, dict) else ()
        items = enumerate(node) if isinstance(node, (list, tuple)) else items
        return [found for key, value in items for found in search(value, (*place, key))]

    return [place for key in cfg if key in settings for place in search(cfg[key], (key,))]


def value_at(cfg: Mapping, place: Keys) -> Any:
    """Return the value at the given keys, None if there is none."""
    value = cfg
    try:
        for key in place:
            value = value[key]
    except (KeyError, IndexError, TypeError):
        return None
    return value


def is_unchanged(other: Any, old: Any, new: Any) -> bool:
    """Return whether ``other``, a copy of ``old``, has none of the changes made in ``new``."""
    if all(isinstance(value, dict) for value in (other, old, new)):
        keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
        return all(is_unchanged(other.get(key), old.get(key), new.get(key)) for key in keys)
    return is_copy(other, old)


def changed_part(old: Any, new: Any) -> list[str]:
    """Return the keys to the innermost dict or value that contains all differences."""
    part = []
    while isinstance(old, dict) and isinstance(new, dict):
        keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
        if len(keys) > 1:
            break
        part += keys
        old, new = old.get(keys[0]), new.get(keys[0])
    return part


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
    """Return the names that a config file assigns."""
    nodes = ast.walk(parsed(path))
    return {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def all_assigned_names(path: str) -> set[str]:
    """Return the names that a config file and its ``_base_`` files assign."""
    return assigned_names(path).union(*map(all_assigned_names, base_files(path)))


def parsed(path: str) -> ast.Module:
    """Return the syntax tree of a Python config; an empty one for other file types."""
    if not path.endswith('.py'):
        return ast.Module(body=[], type_ignores=[])
    with open(path, encoding='utf-8') as file:
        text = file.read()
    return ast.parse(re.sub(r'\{\{.*?\}\}', '0', text))  # mmengine fills in {{$VARIABLE:...}}

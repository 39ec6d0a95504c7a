"""Compare config values with the type annotations of the arguments that they set."""

import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from numbers import Number
from typing import Any

from mmengine.config import ConfigDict

NUMBERS: dict[Any, Any] = {int: int, float: (int, float), Number: (int, float), bool: int}
IN_WORDS = {
    **{int: 'a whole number', float: 'a number', Number: 'a number'},
    **{bool: 'True or False', str: 'a text', type(None): 'None'},
    **dict.fromkeys((list, tuple, set, Sequence, Iterable), 'a list'),
}


def accepts(annotation: Any, value: Any) -> bool:
    """Return whether a config value is of an annotated type; True where that cannot be known.

    A config writes an object as a dict and a tuple as a list. None leaves out an entry of a dict.
    """
    kind, args = typing.get_origin(annotation) or annotation, typing.get_args(annotation)
    if kind in (typing.Union, types.UnionType):
        return any(accepts(arg, value) for arg in args)
    if kind is typing.Literal:
        return value in args
    if kind is Any or not isinstance(kind, type):  # the latter, e.g., a type variable
        return True
    if kind in NUMBERS:
        return isinstance(value, NUMBERS[kind])
    if IN_WORDS.get(kind) == 'a list':
        entries = [arg for arg in args if arg is not ...]
        return isinstance(value, (list, tuple)) and all(
            any(accepts(entry, item) for entry in entries) for item in value if entries
        )
    if issubclass(kind, ConfigDict) and not isinstance(value, (int, float, str)):
        return True  # so mmseg annotates a list of heads, too
    if issubclass(kind, Mapping):
        return isinstance(value, dict) and all(
            accepts(args[1], item) for item in value.values() if args and item is not None
        )
    if kind in (str, type(None)):
        return isinstance(value, kind)
    return not isinstance(value, (int, float))


def in_words(annotation: Any) -> str:
    """Return what an annotation accepts, e.g. 'a whole number or None'."""
    kind, args = typing.get_origin(annotation) or annotation, typing.get_args(annotation)
    if kind in (typing.Union, types.UnionType):
        *first, last = dict.fromkeys(map(in_words, args))
        return f'{", ".join(first)} or {last}' if first else last
    if kind is typing.Literal:
        return ' or '.join(map(repr, args))
    words = IN_WORDS.get(kind, 'a dict')
    entries = [
        re.sub(r'\ba ((whole )?\w+)', r'\1s', in_words(arg)) for arg in args if arg is not ...
    ]
    return f'{words} of {entries[-1]}' if entries and words in ('a list', 'a dict') else words

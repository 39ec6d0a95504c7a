"""Errors that the user can fix, and the checks of arguments that raise them."""

import difflib
import math
import os
import textwrap
import traceback
from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib.util import find_spec
from numbers import Integral, Real


class UserError(Exception):
    """Bad input or a bad setting, described in one sentence: what, where and what to do.

    The command line tools print the sentence and exit with code 2; only bugs end in a traceback.
    """


class Interrupted(KeyboardInterrupt):
    """A signal stopped a tool, which exits with code 128 + ``signal``.

    Args:
        signal: Number of the signal: 2 (SIGINT) or 15 (SIGTERM).
        sentence: The message, e.g. what was saved and how to go on.
    """

    def __init__(self, signal: int, sentence: str) -> None:
        super().__init__(sentence)
        self.signal = signal


def in_short(error: BaseException) -> str:
    """Return an exception's class and message, which may quote a whole config, in 400 characters.

    The sentence of a :class:`UserError` is returned unchanged.
    """
    if isinstance(error, UserError):
        return str(error)
    words = str(error) or traceback.extract_tb(error.__traceback__)[-1].line  # of an assertion
    return textwrap.shorten(f'{type(error).__name__}: {words}', 400, placeholder=' ...')


def check_choice(option: str, value: object, choices: Collection[str]) -> None:
    """Raise a :class:`UserError` unless ``value`` is one of ``choices``."""
    if value not in choices:
        raise UserError(f'{option}={value!r} is unknown; choose from {", ".join(choices)}')


def closest(name: object, names: Iterable, cutoff: float = 0.6) -> str | None:
    """Return the one of the names that is most like a mistyped one, None if none is."""
    matches = difflib.get_close_matches(str(name), [str(n) for n in names], n=1, cutoff=cutoff)
    return matches[0] if matches else None


def check_is_file(path: str, what: str) -> None:
    """Raise a :class:`UserError`, which names the nearest path, unless there is such a file."""
    if os.path.isdir(path):
        raise UserError(f'{path} is a folder; expected a {what} file in it')
    if not os.path.isfile(path):
        match = nearest_path(path)
        hint = f'; did you mean {match}?' if match else ''
        raise UserError(f'there is no {what} file {path}{hint}')


def nearest_path(path: str) -> str | None:
    """Return the existing path that is most like a mistyped one, None if none is."""
    folder, name = os.path.split(path)
    if not os.path.isdir(folder or '.'):
        folder = nearest_path(folder) or folder
    if not os.path.isdir(folder or '.'):
        return None
    match = closest(name, os.listdir(folder or '.'))
    return os.path.join(folder, match) if match else None


def check_installed(packages: Sequence[str], extra: str) -> None:
    """Raise a :class:`UserError` unless the packages of an extra of this library are installed."""
    if missing := [name for name in packages if find_spec(name) is None]:
        raise UserError(
            f'{" and ".join(missing)} {"is" if len(missing) == 1 else "are"} not installed: '
            f'pip install "mmseg-gl[{extra}]"'
        )


def are_numbers(values: object, least: float = 0) -> bool:
    """Return whether a value is a list or the like of finite numbers >= ``least``."""
    return isinstance(values, Collection) and all(
        isinstance(value, Real) and math.isfinite(value) and value >= least for value in values
    )


def check_range(option: str, value: object, least: float, most: float = math.inf) -> None:
    """Raise a :class:`UserError` unless a value is a finite number in a range."""
    if not are_numbers([value], least) or value > most:  # type: ignore[operator]
        limits = f'at least {least}' if most == math.inf else f'from {least} to {most}'
        raise UserError(f'{option}={value!r}: expected a number {limits}')


def check_channels(channels: Sequence[int]) -> tuple[int, ...]:
    """Return ``channels`` as a tuple; raise a UserError unless it is one or more numbers >= 1."""
    are_whole = are_numbers(channels, 1) and all(isinstance(n, Integral) for n in channels)
    if not are_whole or not len(channels):
        raise UserError(
            f'channels={channels!r}: expected one or more whole numbers >= 1, e.g. (64, 128)'
        )
    return tuple(channels)


def check_loss_weights(loss_weights: dict[str, float]) -> dict[str, float]:
    """Return a copy of ``loss_weights``, the weight of each output level.

    Raises:
        UserError: Unless it is a dict of finite numbers >= 0.
    """
    if not isinstance(loss_weights, Mapping):
        raise UserError(
            f'loss_weights={loss_weights!r}: expected a number for each output level, e.g. '
            'dict(decode=1e-3)'
        )
    for level, weight in loss_weights.items():
        if not are_numbers([weight]):
            raise UserError(f'loss_weights.{level}={weight!r}: expected a number >= 0')
    return dict(loss_weights)

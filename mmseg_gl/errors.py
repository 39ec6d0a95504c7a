"""The one exception that our code raises for something the user can put right."""

import difflib
import math
import os
from collections.abc import Iterable


class UserError(Exception):
    """Bad input or a bad setting, said in one sentence: what, where, what to do.

    The command line tools print the sentence and exit with code 2; a traceback is left to bugs.
    """


class Interrupted(KeyboardInterrupt):
    """A signal has ended a tool, which exits with the code 128 + ``signal``.

    Args:
        signal (int): Number of the signal: 2 (SIGINT) or 15 (SIGTERM).
        sentence (str): What has become of the work.
    """

    def __init__(self, signal, sentence):
        super().__init__(sentence)
        self.signal = signal


def check_choice(option, value, choices):
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
        folder = nearest_path(folder)
    if folder is None or not os.path.isdir(folder or '.'):
        return None
    match = closest(name, os.listdir(folder or '.'))
    return os.path.join(folder, match) if match else None


def check_channels(channels):
    """Return ``channels`` as a tuple of whole numbers >= 1, at least one of them, or raise."""
    whole = isinstance(channels, list | tuple) and channels
    if not whole or not all(isinstance(n, int) and n >= 1 for n in channels):
        raise UserError(
            f'channels={channels!r}: expected one or more whole numbers >= 1, e.g. (64, 128)'
        )
    return tuple(channels)


def check_loss_weights(loss_weights):
    """Return ``loss_weights`` as a dict of finite numbers >= 0 by output level, or raise."""
    if not isinstance(loss_weights, dict):
        raise UserError(
            f'loss_weights={loss_weights!r}: expected a weight per output level, e.g. '
            'dict(decode=1e-3, auxiliary=2e-4)'
        )
    for level, weight in loss_weights.items():
        number = isinstance(weight, int | float) and math.isfinite(weight)
        if not number or weight < 0:
            raise UserError(f'loss_weights.{level}={weight!r}: expected a number >= 0')
    return dict(loss_weights)

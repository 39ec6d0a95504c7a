"""The one exception that our code raises for something the user can put right."""

import math
import textwrap
import traceback


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


def in_short(error):
    """Return an exception's class and words, which may hold whole configs, in 400 characters."""
    if isinstance(error, UserError):
        return str(error)
    words = str(error) or traceback.extract_tb(error.__traceback__)[-1].line  # of an assertion
    return textwrap.shorten(f'{type(error).__name__}: {words}', 400, placeholder=' ...')


def check_choice(option, value, choices):
    """Raise a :class:`UserError` unless ``value`` is one of ``choices``."""
    if value not in choices:
        raise UserError(f'{option}={value!r} is unknown; choose from {", ".join(choices)}')


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

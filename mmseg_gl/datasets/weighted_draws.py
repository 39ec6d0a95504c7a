"""Endless draws without replacement, of one data set or of several by weights.

All of them are functions of a key of random numbers and of the number of the draw.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import isfinite

import numpy as np

from mmseg_gl.errors import UserError

BLOCK = 1000  # draws over which weights are honoured


def draw_evenly(key: tuple[int, ...], size: int, n: int) -> int:
    """Return draw ``n`` >= 0 from ``range(size)``: each number once before any comes again."""
    epoch, position = divmod(n, size)
    return int(permutation((*key, epoch), size)[position])


def draw_by_weights(key: tuple[int, ...], shares: tuple[int, ...], n: int) -> tuple[int, int]:
    """Return where draw ``n`` >= 0 comes from.

    Args:
        key: Non-negative integers, the seed of the random numbers.
        shares: Draws per data set in every block of 1000, see :func:`share_out`.
        n: Number of the draw.

    Returns:
        The data set, and how often it has been drawn before.
    """
    block, position = divmod(n, BLOCK)
    order = permutation((*key, block), BLOCK)[: position + 1]
    *before, part = np.repeat(np.arange(len(shares)), shares)[order].tolist()
    return part, block * shares[part] + before.count(part)


def share_out(option: str, weights: Sequence[float] | None, count: int) -> tuple[int, ...] | None:
    """Share 1000 draws out in proportion to weights, by largest remainders.

    Args:
        option: What the weights are called, for messages.
        weights: A number > 0 per data set, or None.
        count: Number of data sets.

    Returns:
        Draws per data set; None where there are no weights, or one data set only.

    Raises:
        UserError: When the weights are anything else, or one is too small for a single draw.
    """
    if weights is None:
        return None
    fits = isinstance(weights, list | tuple) and len(weights) == count > 0
    if not fits or not all(isinstance(w, int | float) and isfinite(w) and w > 0 for w in weights):
        raise UserError(
            f'{option}={weights!r}: expected a list with a number > 0 for each of the {count} data '
            'sets'
        )
    quotas = np.array(weights) / max(weights)
    quotas *= BLOCK / quotas.sum()
    shares = np.floor(quotas).astype(int)
    shares[np.argsort(shares - quotas, kind='stable')[: BLOCK - shares.sum()]] += 1
    if not shares.all():
        raise UserError(
            f'{option}={weights!r}: one data set has no draw in {BLOCK} and would not be seen; '
            'give it a larger weight, or leave it out'
        )
    return tuple(shares.tolist()) if count > 1 else None


@lru_cache(maxsize=32)
def permutation(key: tuple[int, ...], size: int) -> np.ndarray:
    return np.random.default_rng(key).permutation(size)

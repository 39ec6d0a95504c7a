"""Endless sampling without replacement, from one data set or from several by weights.

Every draw is a pure function of its number and of a key that seeds the random numbers.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from mmseg_gl.errors import UserError, are_numbers

BLOCK = 1000  # draws that are divided exactly by the weights


def draw_evenly(key: tuple[int, ...], size: int, n: int) -> int:
    """Return draw ``n`` >= 0 from ``range(size)``: each number once before any comes again."""
    epoch, position = divmod(n, size)
    return int(permutation((*key, epoch), size)[position])


def draw_by_weights(key: tuple[int, ...], shares: tuple[int, ...], n: int) -> tuple[int, int]:
    """Return the data set of draw ``n`` >= 0, and how often it has been drawn before.

    Args:
        key: Non-negative integers, the seed of the random numbers.
        shares: Draws per data set in every block of 1000, see :func:`share_out`.
        n: Number of the draw.
    """
    block, position = divmod(n, BLOCK)
    order = permutation((*key, block), BLOCK)[: position + 1]
    *before, part = np.repeat(np.arange(len(shares)), shares)[order].tolist()
    return part, block * shares[part] + before.count(part)


def share_out(option: str, weights: Sequence[float] | None, count: int) -> tuple[int, ...] | None:
    """Divide 1000 draws in proportion to weights, by the largest remainder method.

    Args:
        option: Name of the weights in error messages.
        weights: A number > 0 per data set, or None.
        count: Number of data sets.

    Returns:
        Draws per data set; None without weights or with a single data set.

    Raises:
        UserError: If the weights are of another number or not above 0, or one is too small for one
            draw.
    """
    if weights is None:
        return None
    if not are_numbers(weights) or not len(weights) == count > 0 or not all(weights):
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
            f'{option}={weights!r}: one data set gets none of {BLOCK} draws, so it would never be '
            'used; give it a larger weight, or leave it out'
        )
    return tuple(shares.tolist()) if count > 1 else None


@lru_cache(maxsize=32)
def permutation(key: tuple[int, ...], size: int) -> np.ndarray:
    return np.random.default_rng(key).permutation(size)

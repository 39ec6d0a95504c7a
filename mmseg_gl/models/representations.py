"""Representations of the logits that discriminators work on."""

import math

import torch
from torch import Tensor


def at_least_float32(logits: Tensor) -> Tensor:
    """Convert half-precision logits to float32; return others unchanged."""
    return logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits


def softmax_map(logits: Tensor) -> Tensor:
    """Class probabilities (AdaptSegNet, Eq. 1): (N, K, H, W) in [0, 1], summing to 1 over K."""
    return at_least_float32(logits).softmax(dim=1)


def entropy_map(logits: Tensor, eps: float = 1e-30) -> Tensor:
    """Weighted self-information -p * log2(p) / log2(K) of every class (ADVENT, Eq. 3).

    Args:
        logits: (N, K, H, W).
        eps: Added to p inside the logarithm (ADVENT ``prob_2_entropy``). The computation is in at
            least float32, where 1e-30 is a normal number.

    Returns:
        (N, K, H, W); the sum over K is the normalised entropy of each pixel, in [0, 1].
    """
    p = softmax_map(logits)
    return -p * torch.log2(p + eps) / math.log2(logits.shape[1])


REPRESENTATIONS = {'softmax': softmax_map, 'entropy': entropy_map, 'none': at_least_float32}

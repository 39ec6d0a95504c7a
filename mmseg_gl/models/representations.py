"""What a discriminator sees of an output map."""

import math

import torch


def at_least_float32(logits):
    """Return logits of half precision as float32, others as they are."""
    return logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits


def softmax_map(logits):
    """Class probabilities (AdaptSegNet, Eq. 1): (N, K, H, W) in [0, 1], sum 1 over K."""
    return at_least_float32(logits).softmax(dim=1)


def entropy_map(logits, eps=1e-30):
    """Weighted self-information -p * log2(p) / log2(K) of every class (ADVENT, Eq. 3).

    Args:
        logits (Tensor): (N, K, H, W).
        eps (float): Added to p inside the logarithm (ADVENT ``prob_2_entropy``). Computed in at
            least float32, where 1e-30 is a normal number.

    Returns:
        Tensor: (N, K, H, W); the sum over K is the pixel's normalised entropy, in [0, 1].
    """
    p = softmax_map(logits)
    return -p * torch.log2(p + eps) / math.log2(logits.shape[1])


REPRESENTATIONS = {'softmax': softmax_map, 'entropy': entropy_map, 'none': at_least_float32}

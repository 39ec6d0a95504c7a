"""Adversarial losses on the raw scores of a discriminator."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

SOURCE, TARGET = 0.0, 1.0  # domain labels of all official implementations

GAN_LOSSES = {
    'bce': F.binary_cross_entropy_with_logits,  # vanilla GAN; AdaptSegNet's and ADVENT's default
    'lsgan': F.mse_loss,  # AdaptSegNet's `--gan LS`: squared error on the raw scores
}
BLIND_LOSS = dict(bce=math.log(2), lsgan=0.25)  # of a discriminator that always says "half"


def adversarial_loss(scores: Tensor, domain: float, gan: str = 'bce') -> Tensor:
    """Return the mean loss, a scalar, of raw discriminator scores against one domain label.

    Args:
        scores: Raw scores (no sigmoid), any shape.
        domain: SOURCE (0) or TARGET (1).
        gan: 'bce' or 'lsgan'.
    """
    return GAN_LOSSES[gan](scores, torch.full_like(scores, domain))

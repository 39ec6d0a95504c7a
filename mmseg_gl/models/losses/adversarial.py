"""Adversarial losses on a discriminator's raw scores."""

import math

import torch
import torch.nn.functional as F

SOURCE, TARGET = 0.0, 1.0  # domain labels of every official code

GAN_LOSSES = {
    'bce': F.binary_cross_entropy_with_logits,  # vanilla GAN; AdaptSegNet's and ADVENT's default
    'lsgan': F.mse_loss,  # AdaptSegNet's `--gan LS`: squared error on the raw scores
}
BLIND_LOSS = dict(bce=math.log(2), lsgan=0.25)  # of a discriminator that always says "half"


def adversarial_loss(scores, domain, gan='bce'):
    """Mean loss of raw discriminator scores against one domain label.

    Args:
        scores (Tensor): Raw scores (no sigmoid), any shape.
        domain (float): SOURCE (0) or TARGET (1).
        gan (str): 'bce' or 'lsgan'.

    Returns:
        Tensor: Scalar.
    """
    return GAN_LOSSES[gan](scores, torch.full_like(scores, domain))

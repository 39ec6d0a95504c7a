from __future__ import annotations

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_gl.errors import UserError
from mmseg_gl.weights.files import below, check_tensors, read_checkpoint, tensors_of

MEAN = (104.00698793, 116.66876762, 122.67891434)  # BGR, 0..255: Caffe's ImageNet mean


class SemanticConsistency(BaseModule):
    """Perceptual loss of BDL: a segmentor S should have the same output for two images.

    sem(x, y) = mean((IN(S(x)) - IN(S(y)))^2), where IN is the instance norm without affine
    parameters on the low-resolution logits (BDL ``cyclegan/cycle_gan_model.py``; the paper writes
    a distance of order 1). S is frozen: always in eval mode, no gradients for its parameters.

    Args:
        segmentor: Config of an mmseg segmentor that takes BGR images, 0..255 minus Caffe's mean.
        checkpoint: File with all of its weights, loaded by ``init_weights``: the checkpoint of a
            training run, or of the segmentor alone. Weights of an auxiliary head are ignored if
            ``segmentor`` has none.

    Raises:
        UserError: From ``init_weights``, when the checkpoint is missing or of another network.
    """

    def __init__(self, segmentor: dict, checkpoint: str | None = None) -> None:
        super().__init__()
        self.segmentor = MODELS.build(segmentor).requires_grad_(False)
        self.checkpoint = checkpoint
        self.register_buffer('mean', torch.tensor(MEAN)[:, None, None], persistent=False)

    def init_weights(self) -> None:
        if not self.checkpoint:
            raise UserError(
                'model.segmentor judges the translated images, so it needs trained weights: set '
                'model.segmentor_checkpoint, or model.segmentor=None for the first translation'
            )
        weights = tensors_of(read_checkpoint(self.checkpoint))
        weights = below(weights, 'segmentor.') or weights
        if not getattr(self.segmentor, 'with_auxiliary_head', True):
            weights = {k: v for k, v in weights.items() if not k.startswith('auxiliary_head.')}
        check_tensors(self.segmentor, weights, self.checkpoint, 'model.segmentor')
        self.segmentor.load_state_dict(weights)

    def train(self, mode: bool = True) -> SemanticConsistency:
        super().train(mode)
        self.segmentor.eval()
        return self

    def forward(self, images: Tensor, features: Tensor) -> Tensor:
        """Return the loss, a scalar, of images against the features of others.

        Args:
            images: (N, 3, H, W), RGB in [-1, 1].
            features: Output of :meth:`features` for N images of the same size.
        """
        return F.mse_loss(self.features(images), features)

    def features(self, images: Tensor) -> Tensor:
        """Return the normalised logits (N, K, h, w) of images (N, 3, H, W), RGB in [-1, 1]."""
        images = (images.to(self.mean.dtype) + 1) * 127.5  # half precision would round the values
        logits = self.segmentor(images.flip(1) - self.mean, mode='tensor')
        return F.instance_norm(logits)

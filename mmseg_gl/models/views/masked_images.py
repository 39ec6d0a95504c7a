from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_gl.models.image_batch import ImageBatch
from mmseg_gl.models.random_draws import next_generator, register_seed
from mmseg_gl.models.views.class_mix import pseudo_labels


@MODELS.register_module()
class MaskedImages(nn.Module):
    """Hide random blocks of target images (masked image consistency: MIC, CVPR 2023).

    The segmentor learns the labels that the teacher gives the whole image; their weight is the
    share of pixels for which the teacher is confident. Hidden blocks get the mean colour.

    Args:
        block_size: Side of a block in pixels (MIC: 64 for crops of 1024, 32 for crops of 512).
        ratio: Probability that a block is hidden, in [0, 1] (MIC: 0.7).
        threshold: See :class:`ClassMix`.
    """

    seed: Tensor

    def __init__(self, block_size: int = 64, ratio: float = 0.7, threshold: float = 0.968) -> None:
        super().__init__()
        self.block_size = block_size
        self.ratio = ratio
        self.threshold = threshold
        register_seed(self)

    def forward(self, batches: dict[str, ImageBatch], teacher: Callable | None) -> ImageBatch:
        """Return the masked images with the teacher's labels and the pixel weights.

        Raises:
            UserError: When there is no teacher.
        """
        target = batches['target']
        labels, weights = pseudo_labels(self, target, teacher)
        number, _, *size = target.images.shape
        grid = [max(round(side / self.block_size), 1) for side in size]
        drawn = torch.rand(number, 1, *grid, generator=next_generator(self.seed))
        kept = F.interpolate((drawn > self.ratio).to(target.images), size=size, mode='nearest')
        return ImageBatch(target.images * kept, labels=labels, weights=weights)

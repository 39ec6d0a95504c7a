from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_gl.errors import check_range
from mmseg_gl.models.image_batch import ImageBatch
from mmseg_gl.models.random_draws import next_generator
from mmseg_gl.models.views.pseudo_label_view import PseudoLabelView


@MODELS.register_module()
class MaskedImages(PseudoLabelView):
    """Hide random blocks of target images (masked image consistency: MIC, CVPR 2023).

    The segmentor learns the labels that the teacher gives the whole image. Hidden blocks become 0,
    the mean colour of normalised images.

    Args:
        block_size: Side of a block in pixels (MIC: 64 for crops of 1024, 32 for crops of 512).
        ratio: Probability that a block is hidden, in [0, 1] (MIC: 0.7).
        **kwargs: See :class:`PseudoLabelView`.

    Raises:
        UserError: For a value out of range.
    """

    def __init__(
        self,
        block_size: int = 64,
        ratio: float = 0.7,
        segmentor: nn.Module | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(segmentor, **kwargs)
        check_range('MaskedImages: block_size', block_size, 1)
        check_range('MaskedImages: ratio', ratio, 0, 1)
        self.block_size = block_size
        self.ratio = ratio

    def forward(self, batches: dict[str, ImageBatch], teacher: Callable | None) -> ImageBatch:
        """Return the masked images with the teacher's labels and the pixel weights.

        Raises:
            UserError: When there is no teacher.
        """
        target = batches['target']
        labels, weights = self.pseudo_labels(target, teacher)
        masked = self.augmented(replace(target, samples=(), labels=labels, weights=weights))
        masked.images = masked.images * self.draw_mask(masked.images)
        return masked

    def draw_mask(self, images: Tensor) -> Tensor:
        """Draw which pixels are kept (1) and which are hidden (0), (N, 1, H, W)."""
        number, _, *size = images.shape
        grid = [max(round(side / self.block_size), 1) for side in size]
        drawn = torch.rand(number, 1, *grid, generator=next_generator(self.seed))
        return F.interpolate((drawn > self.ratio).to(images), size=size, mode='nearest')

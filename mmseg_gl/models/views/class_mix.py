from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_gl.errors import UserError
from mmseg_gl.models.image_batch import ImageBatch
from mmseg_gl.models.random_draws import next_generator
from mmseg_gl.models.views.pseudo_label_view import PseudoLabelView


@MODELS.register_module()
class ClassMix(PseudoLabelView):
    """Paste half of the source's classes into target images (Olsson et al., WACV 2021; DACS).

    Source image i is pasted into target image i. Target pixels get the teacher's label and weight;
    source pixels keep their label and have the weight 1.

    Args:
        per_image: Draw the classes to paste from those of source image i (DACS); False: from those
            of all source images of the batch (DAFormer). Unlabelled (255) counts as a class in
            both.
        **kwargs: See :class:`PseudoLabelView`.
    """

    def __init__(
        self, per_image: bool = False, segmentor: nn.Module | None = None, **kwargs: Any
    ) -> None:
        super().__init__(segmentor, **kwargs)
        self.per_image = per_image

    def forward(self, batches: dict[str, ImageBatch], teacher: Callable | None) -> ImageBatch:
        """Return the mixed images with their labels and pixel weights.

        Raises:
            UserError: When source and target images differ in size, or there is no teacher.
        """
        source, target = batches['source'], batches['target']
        if source.images.shape != target.images.shape:
            sizes = ['{0}x{3}x{2}'.format(*b.images.shape) for b in (source, target)]
            raise UserError(
                f'ClassMix: the source has {sizes[0]} images and the target {sizes[1]} (number x '
                'width x height); crop or resize both to one size'
            )
        labels, weights = self.pseudo_labels(target, teacher)
        assert source.labels is not None  # UDASegmentor has learned them before
        pasted = torch.stack(
            [
                torch.isin(of_image, classes)
                for of_image, classes in zip(source.labels, self.draw_classes(source.labels))
            ]
        )
        mixed = ImageBatch(
            images=torch.where(pasted[:, None], source.images, target.images),
            labels=torch.where(pasted, source.labels, labels),
            weights=weights.masked_fill(pasted, 1.0),
            pasted=pasted,
            normalization=target.normalization,
        )
        return self.augmented(mixed)

    def draw_classes(self, labels: Tensor) -> list[Tensor]:
        """Draw half (rounded up) of the classes that occur, for each label map of (N, H, W)."""
        generator = next_generator(self.seed)
        drawn = []
        for of_image in labels:
            classes = (of_image if self.per_image else labels).unique()
            order = torch.randperm(len(classes), generator=generator)
            drawn.append(classes[order[: (len(classes) + 1) // 2].to(classes.device)])
        return drawn

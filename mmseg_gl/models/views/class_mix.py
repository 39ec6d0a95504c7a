from __future__ import annotations

from collections.abc import Callable

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_gl.errors import UserError
from mmseg_gl.models.image_batch import ImageBatch
from mmseg_gl.models.random_draws import next_generator, register_seed


@MODELS.register_module()
class ClassMix(nn.Module):
    """Paste half of the source's classes into target images (Olsson et al., WACV 2021; DACS).

    Source image i is pasted into target image i. Target pixels get the teacher's label
    and one weight for the whole batch, the share of the target's pixels for which the teacher is
    confident; source pixels keep their label and have the weight 1.

    Args:
        threshold: Probability, in [0, 1], from which on the teacher is confident (DACS, DAFormer:
            0.968).
        per_image: Draw the classes to paste from those of source image i (DACS); False: from those
            of all source images of the batch (DAFormer). Unlabelled (255) counts as a class in
            both.
    """

    seed: Tensor

    def __init__(self, threshold: float = 0.968, per_image: bool = False) -> None:
        super().__init__()
        self.threshold = threshold
        self.per_image = per_image
        register_seed(self)

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
        labels, weights = pseudo_labels(self, target, teacher)
        assert source.labels is not None  # UDASegmentor has learned them before
        generator = next_generator(self.seed)
        pasted = torch.stack(
            [
                torch.isin(
                    of_image, draw_half(of_image if self.per_image else source.labels, generator)
                )
                for of_image in source.labels
            ]
        )
        return ImageBatch(
            images=torch.where(pasted[:, None], source.images, target.images),
            labels=torch.where(pasted, source.labels, labels),
            weights=weights.masked_fill(pasted, 1.0),
        )


def draw_half(labels: Tensor, generator: torch.Generator) -> Tensor:
    """Draw half (rounded up) of the values that occur in a label map."""
    values = labels.unique()
    order = torch.randperm(len(values), generator=generator)
    return values[order[: (len(values) + 1) // 2].to(values.device)]


def pseudo_labels(
    view: nn.Module, batch: ImageBatch, teacher: Callable | None
) -> tuple[Tensor, Tensor]:
    """Return the teacher's labels (N, H, W) and, as their weights, the share of confident pixels.

    Raises:
        UserError: When there is no teacher.
    """
    if teacher is None:
        raise UserError(
            f'{type(view).__name__} needs a teacher: give the model teacher=dict(type="EMATeacher")'
        )
    labels, confidence = teacher(batch)
    share = (confidence >= view.threshold).to(confidence.dtype).mean()
    return labels, share.expand(labels.shape)

from __future__ import annotations

from collections.abc import Callable

from mmengine.dist import all_reduce
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_gl.errors import UserError, check_range
from mmseg_gl.models.ema_teacher import EMATeacher
from mmseg_gl.models.image_batch import ImageBatch
from mmseg_gl.models.random_draws import register_seed


class PseudoLabelView(nn.Module):
    """Base class of views whose labels come from the teacher.

    Args:
        segmentor: The segmentor, for ``teacher``; UDASegmentor passes its own.
        threshold: Probability, in [0, 1], at which the teacher counts as confident of a pixel. The
            labels of the batch have one weight, the share of confident pixels (DACS, DAFormer:
            0.968). None: the weight 1.
        ignored_rows: Rows at the top and at the bottom of each image whose pseudo labels have the
            weight 0; they count in the share (DAFormer, crops of 512x512: 15 and 120, for the ego
            vehicle and the borders of the rectified image).
        augmentation: Config of the augmentation of the finished images
            (:class:`StrongAugmentation`).
        teacher: Config of a separate teacher (MIC on a method without one, or with another
            momentum); None: that of the model.

    Raises:
        UserError: For a value out of range.
    """

    seed: Tensor

    def __init__(
        self,
        segmentor: nn.Module | None = None,
        threshold: float | None = 0.968,
        ignored_rows: tuple[int, int] = (0, 0),
        augmentation: dict | None = None,
        teacher: dict | None = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if threshold is not None:
            check_range(f'{name}: threshold', threshold, 0, 1)
        for side, rows in zip(('top', 'bottom'), ignored_rows):
            check_range(f'{name}: ignored_rows, {side}', rows, 0)
        self.threshold = threshold
        self.ignored_rows = ignored_rows
        self.augmentation = MODELS.build(augmentation) if augmentation else None
        self.teacher: EMATeacher | None = None
        if teacher:
            self.teacher = MODELS.build(teacher, default_args=dict(segmentor=segmentor))
        register_seed(self)

    def pseudo_labels(self, batch: ImageBatch, teacher: Callable | None) -> tuple[Tensor, Tensor]:
        """Return the teacher's labels of a batch and their weights, (N, H, W) each.

        Raises:
            UserError: When there is no teacher, or ``ignored_rows`` leaves nothing of the images.
        """
        if self.teacher is not None:
            teacher = self.teacher.label
        if teacher is None:
            raise UserError(
                f'{type(self).__name__} needs a teacher: give the model '
                'teacher=dict(type="EMATeacher")'
            )
        labels, confidence = teacher(batch)
        weights = confidence.new_ones(labels.shape)
        if self.threshold is not None:
            share = (confidence >= self.threshold).to(confidence.dtype).mean()
            all_reduce(share, op='mean')  # of the batches of all processes
            weights *= share
        (top, bottom), height = self.ignored_rows, labels.shape[1]
        if top + bottom >= height:
            raise UserError(
                f'{type(self).__name__}: ignored_rows={self.ignored_rows!r} leaves nothing of '
                f'images of {height} rows; set fewer rows, (0, 0) for none'
            )
        weights[:, :top] = 0
        weights[:, height - bottom :] = 0
        return labels, weights if batch.trusted is None else weights * batch.trusted

    def augmented(self, batch: ImageBatch) -> ImageBatch:
        """Return a batch with its images augmented, in place of the batch."""
        if self.augmentation is not None:
            batch.images = self.augmentation(batch)
        return batch

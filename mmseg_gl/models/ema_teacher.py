from __future__ import annotations

import torch
from mmcv.cnn.bricks.drop import DropPath
from mmengine.model import BaseAveragedModel
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from mmseg_gl.errors import check_choice, check_range
from mmseg_gl.models.image_batch import ImageBatch
from mmseg_gl.models.representations import at_least_float32


@MODELS.register_module()
class EMATeacher(BaseAveragedModel):
    """Moving average of the segmentor that labels images (mean teacher; DACS, DAFormer).

    Its parameters t follow those of the segmentor, s: ``t += m * (s - t)``. They start as a copy of
    s, made after the segmentor has been initialised or loaded; with ``load_from`` a checkpoint that
    has a teacher, its teacher goes on. The teacher is part of every checkpoint and has no
    optimizer.

    In training its batch norm uses the statistics of the batch that it labels, while dropout and
    stochastic depth are off, as in the official implementations.

    Args:
        segmentor: Network to average; UDASegmentor passes its own.
        momentum: m in [0, 1], the share of the segmentor in an update: 1 - alpha in the papers.
            DAFormer, HRDA and MIC: 1e-3; DACS: 1e-2.
        warm_up: Use at least m = 1 / (n + 1) in update n = 1, 2, ..., so that early teachers are
            plain means: alpha_n = min(1 - 1 / (n + 1), alpha) of the official implementations.
        buffers: How to update the running statistics of batch norm, which are used in evaluation
            only: 'copy' those of the segmentor, 'average' them, or keep the teacher's 'own', which
            come from the images that it labels (official implementations).
        follow: Update the teacher 'before' the step (DAFormer) or 'after' it (DACS).

    Raises:
        UserError: For a momentum out of range or an unknown choice.
    """

    def __init__(
        self,
        segmentor: nn.Module,
        momentum: float = 1e-3,
        warm_up: bool = True,
        buffers: str = 'copy',
        follow: str = 'before',
    ) -> None:
        super().__init__(segmentor)
        check_range('teacher: momentum', momentum, 0, 1)
        check_choice('buffers', buffers, ('copy', 'average', 'own'))
        check_choice('follow', follow, ('before', 'after'))
        self.momentum, self.warm_up = momentum, warm_up
        self.buffers_follow, self.follow = buffers, follow

    @property
    def segmentor(self) -> nn.Module:
        """The averaged network."""
        return self.module

    def before_step(self, segmentor: nn.Module) -> None:
        """Update the teacher before a step; before the first step, copy the segmentor."""
        if self.follow == 'before':
            self.update_parameters(segmentor)
        elif self.steps == 0:
            self.update_parameters(segmentor)
            self.steps.zero_()

    def after_step(self, segmentor: nn.Module) -> None:
        """Update the teacher after a step, with ``follow='after'``."""
        if self.follow == 'after':
            self.update_parameters(segmentor)

    @torch.no_grad()
    def update_parameters(self, model: nn.Module) -> None:
        """Make one update; the first one copies the parameters."""
        steps = int(self.steps)  # read once: reading a value on a GPU waits for all of its work
        self.share = max(self.momentum, 1 / (steps + 1)) if self.warm_up else self.momentum
        before = [] if self.buffers_follow == 'copy' else [b.clone() for b in self.module.buffers()]
        super().update_parameters(model)  # copies the buffers
        for old, new in zip(before, self.module.buffers()):
            if self.buffers_follow == 'own':
                new.copy_(old)
            elif steps > 0 and new.is_floating_point():
                new.copy_(old.lerp(new, self.share))

    def avg_func(self, averaged_param: Tensor, source_param: Tensor, steps: Tensor) -> None:
        """Update one parameter in place."""
        averaged_param.lerp_(source_param, self.share)

    def train(self, mode: bool = True) -> EMATeacher:
        """Set the mode like ``nn.Module.train``, but keep dropout and stochastic depth off."""
        super().train(mode)
        for module in self.modules():
            is_attention = isinstance(module, nn.MultiheadAttention) and module.dropout
            if is_attention or isinstance(module, _DropoutNd | DropPath):
                module.eval()
        return self

    @torch.no_grad()
    def label(self, batch: ImageBatch) -> tuple[Tensor, Tensor]:
        """Predict pseudo labels.

        Returns:
            The most likely class of each pixel, (N, H, W) int64, and its probability, (N, H, W).
        """
        logits = resize(
            at_least_float32(self.module(batch.images)),
            size=batch.images.shape[2:],
            mode='bilinear',
            align_corners=self.module.align_corners,
            warning=False,
        )
        confidence, labels = logits.softmax(dim=1).max(dim=1)
        return labels, confidence

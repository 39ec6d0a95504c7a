from __future__ import annotations

from typing import Any

import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from mmseg_gl.errors import UserError
from mmseg_gl.models.test_time.averaged_views import probabilities_of
from mmseg_gl.models.test_time.target_batch_norm import batch_norms, batch_statistics, network_of

NORMS = (_BatchNorm, _InstanceNorm, nn.GroupNorm, nn.LayerNorm)


class Tent(nn.Module):
    """A model that adapts to the images while it is tested (TENT; Wang et al., ICLR 2021).

    Each batch is predicted once, and then a step of Adam lowers the mean entropy of that
    prediction, so that later batches profit. Only the scales and shifts of the normalisation layers
    change, and batch norm uses the statistics of each batch. No label is used.

    The paper adapts batch norm; instance, group and layer norm are adapted in the same way here.

    Args:
        module: Model with ``test_step``, e.g. a :class:`UDASegmentor`, with its weights loaded.
        lr: Learning rate of Adam, without weight decay (TENT: 1e-3, except for ImageNet).

    Raises:
        UserError: When the network has no normalisation layer with a scale and a shift; in use,
            when the entropy is not finite, or batch norm sees a single value per channel.
    """

    def __init__(self, module: Any, lr: float = 1e-3) -> None:
        super().__init__()
        self.module = module
        self.lr = lr
        self.batch_norms = batch_norms(module)
        norms = [layer for layer in network_of(module).modules() if isinstance(layer, NORMS)]
        self.adapted = [p for layer in norms for p in layer.parameters(recurse=False)]
        if not self.adapted:
            raise UserError(
                'the network has no normalisation layer with a scale and a shift, which are what '
                'TENT adapts; test it as it is'
            )
        module.requires_grad_(False)
        for parameter in self.adapted:
            parameter.requires_grad_(True)
        self.start = [parameter.detach().clone() for parameter in self.adapted]
        self.reset()

    @torch.no_grad()
    def reset(self) -> None:
        """Return to the weights that the model had at first, e.g. before another test set."""
        for parameter, start in zip(self.adapted, self.start):
            parameter.copy_(start)
        self.optimizer = torch.optim.Adam(self.adapted, lr=self.lr)

    @torch.enable_grad()
    def test_step(self, data: dict) -> list[SegDataSample]:
        """Predict a batch, then adapt to it; see mmengine's ``BaseModel.test_step``."""
        self.module.eval()
        with batch_statistics(self.batch_norms, track=False):
            samples = self.module.test_step(data)
        loss = torch.stack([mean_entropy(probabilities_of(sample)) for sample in samples]).mean()
        if not torch.isfinite(loss):
            raise UserError(
                'the entropy of the prediction is not finite: the network has diverged, before '
                'TENT or by it; take a smaller learning rate of TENT, or an earlier checkpoint'
            )
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        for sample in samples:  # frees the graph
            sample.seg_logits = PixelData(data=sample.seg_logits.data.detach())
        return samples


def mean_entropy(probabilities: Tensor) -> Tensor:
    """Return the mean over the pixels of the entropy in nats of probabilities (K, H, W)."""
    smallest = torch.finfo(probabilities.dtype).tiny
    return -(probabilities * probabilities.clamp_min(smallest).log()).sum(dim=0).mean()

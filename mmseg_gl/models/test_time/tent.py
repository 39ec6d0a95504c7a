from __future__ import annotations

from typing import Any

import torch
from mmengine.model import BaseModel
from mmseg.structures import SegDataSample
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from mmseg_gl.errors import UserError
from mmseg_gl.models.test_time.target_batch_norm import network_of, training

NORMS = (_BatchNorm, _InstanceNorm, nn.GroupNorm, nn.LayerNorm)


class Tent(nn.Module):
    """A model that adapts to the images while it is tested (TENT; Wang et al., ICLR 2021).

    Each batch is predicted once, and then one step of Adam lowers the mean entropy of the
    prediction, so that only later batches profit. Only the scales and shifts of the normalisation
    layers change; batch norm uses the statistics of the batch. No label is used.

    The paper adapts batch norm; group and layer norm are adapted in the same way here.

    Args:
        model: Model with ``test_step``, e.g. a :class:`UDASegmentor`, with its weights loaded.
        lr: Learning rate of Adam, without weight decay (TENT: 1e-3, except on ImageNet).

    Attributes:
        entropies: Mean entropy in nats of the prediction of each batch since the last ``reset``.

    Raises:
        UserError: When the network has no normalisation layer with a scale and a shift; in use,
            when the entropy is not finite.
    """

    def __init__(self, model: Any, lr: float = 1e-3) -> None:
        super().__init__()
        self.model = model
        self.lr = lr
        network = network_of(model)
        norms = [module for module in network.modules() if isinstance(module, NORMS)]
        self.batch_norms = [module for module in norms if isinstance(module, _BatchNorm)]
        self.adapted = [
            parameter for module in norms for parameter in module.parameters(recurse=False)
        ]
        if not self.adapted:
            raise UserError(
                'the network has no normalisation layer with a scale and a shift, which are what '
                'TENT adapts; test it without'
            )
        model.requires_grad_(False)
        for parameter in self.adapted:
            parameter.requires_grad_(True)
        self.start = [parameter.detach().clone() for parameter in self.adapted]
        self.reset()

    @torch.no_grad()
    def reset(self) -> None:
        """Go back to the weights that the model had at first, e.g. before another test set."""
        for parameter, start in zip(self.adapted, self.start):
            parameter.copy_(start)
        self.optimizer = torch.optim.Adam(self.adapted, lr=self.lr)
        self.entropies: list[float] = []

    @torch.enable_grad()
    def test_step(self, data: dict) -> list[SegDataSample]:
        """Predict a batch, then adapt to it; see mmengine's ``BaseModel.test_step``."""
        for layer in self.batch_norms:
            layer.momentum, layer.moment = 0.0, layer.momentum
        with training(self.batch_norms):
            samples = self.model.test_step(data)
        loss = torch.stack([entropy(sample) for sample in samples]).mean()
        if not torch.isfinite(loss):
            raise UserError('x')
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return samples

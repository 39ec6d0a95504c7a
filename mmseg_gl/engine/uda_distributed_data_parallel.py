from __future__ import annotations

from typing import Any

import torch
from mmengine.device import get_device
from mmengine.model import BaseModel, revert_sync_batchnorm
from mmengine.optim import OptimWrapperDict
from mmengine.registry import MODEL_WRAPPERS
from mmseg.structures import SegDataSample
from torch import Tensor, nn


@MODEL_WRAPPERS.register_module()
class UDADistributedDataParallel(nn.Module):
    """Data-parallel model wrapper: several processes train one model, each on its own images.

    A training step has several backward passes, and not each of them reaches every parameter. So
    the gradients are not averaged during a backward pass, as in PyTorch's DistributedDataParallel,
    but once, before the optimizers step (``average_gradients`` in ``models/step.py``). The model
    inside is not changed, and its checkpoints have the keys of a model without the wrapper.
    mmengine gives all processes the same initial weights. Without GPUs SyncBN becomes BN.

    Args:
        module: The model; its ``train_step`` ends with ``models.step.update``.
    """

    def __init__(self, module: BaseModel) -> None:
        super().__init__()
        if not torch.cuda.is_available():
            module = revert_sync_batchnorm(module)  # which needs GPUs
        self.module = module.to(get_device())

    def forward(self, *args, **kwargs) -> Any:
        """Forward pass of the model."""
        return self.module(*args, **kwargs)

    def train_step(self, data: dict, optim_wrapper: OptimWrapperDict) -> dict[str, Tensor]:
        """Training step of the model."""
        return self.module.train_step(data, optim_wrapper)

    def val_step(self, data: dict) -> list[SegDataSample]:
        """Predict a validation batch."""
        return self.module.val_step(data)

    def test_step(self, data: dict) -> list[SegDataSample]:
        """Predict a test batch."""
        return self.module.test_step(data)

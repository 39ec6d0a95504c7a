from __future__ import annotations

import torch
from mmengine.device import get_device
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import MODEL_WRAPPERS
from torch import nn


@MODEL_WRAPPERS.register_module()
class UDADistributedDataParallel(nn.Module):
    """A model that trains in several processes, each with images of its own.

    A training step has several backward passes, and not each of them reaches every parameter. So
    the gradients do not travel during a backward pass, as in PyTorch's DistributedDataParallel, but
    once, before the optimizers step (``average_gradients`` in ``models/step.py``). The model
    inside is used as it is, and its checkpoints have the keys of an undistributed model. mmengine
    gives all processes the same weights at the start. Without GPUs SyncBN becomes BN.

    Args:
        module: The model; its ``train_step`` ends with ``models.step.update``.
    """

    def __init__(self, module: nn.Module):
        super().__init__()
        if not torch.cuda.is_available():
            module = revert_sync_batchnorm(module)  # which needs GPUs
        self.module = module.to(get_device())

    def forward(self, *args, **kwargs):
        """Run the model."""
        return self.module(*args, **kwargs)

    def train_step(self, data, optim_wrapper):
        """Make a step of the model."""
        return self.module.train_step(data, optim_wrapper)

    def val_step(self, data):
        """Predict a validation batch."""
        return self.module.val_step(data)

    def test_step(self, data):
        """Predict a test batch."""
        return self.module.test_step(data)

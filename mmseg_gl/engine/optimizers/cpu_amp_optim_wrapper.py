from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS
from torch import nn


@OPTIM_WRAPPERS.register_module()
class CpuAmpOptimWrapper(OptimWrapper):
    """Optimizer wrapper for mixed precision on a CPU: the forward pass under bfloat16 autocast.

    mmengine's AmpOptimWrapper refuses CPUs. bfloat16 has float32's range, so the loss is not
    scaled; weights, gradients and optimizer states stay float32. Arguments: see mmengine's
    ``OptimWrapper``.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        with super().optim_context(model), torch.autocast('cpu', torch.bfloat16):
            yield

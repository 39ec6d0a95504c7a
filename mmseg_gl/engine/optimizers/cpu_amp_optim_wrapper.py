from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class CpuAmpOptimWrapper(OptimWrapper):
    """Mixed precision on a CPU: the forward pass under bfloat16 autocast.

    mmengine's AmpOptimWrapper refuses CPUs. bfloat16 has float32's range, so that no loss is
    scaled; weights, gradients and optimizer states stay float32. Arguments: see mmengine's
    ``OptimWrapper``.
    """

    @contextmanager
    def optim_context(self, model):
        with super().optim_context(model), torch.autocast('cpu', torch.bfloat16):
            yield

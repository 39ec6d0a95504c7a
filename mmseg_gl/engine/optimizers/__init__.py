from mmseg_gl.engine.optimizers.cpu_amp_optim_wrapper import CpuAmpOptimWrapper
from mmseg_gl.engine.optimizers.multi_optim_wrapper_constructor import MultiOptimWrapperConstructor
from mmseg_gl.engine.optimizers.repeated_sgd import RepeatedSGD

__all__ = ['CpuAmpOptimWrapper', 'MultiOptimWrapperConstructor', 'RepeatedSGD']

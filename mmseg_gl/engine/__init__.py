from mmseg_gl.engine.hooks import (
    AlignmentMonitorHook,
    BadImageHook,
    PredictionWriterHook,
    TwoPhaseHook,
)
from mmseg_gl.engine.optimizers import MultiOptimWrapperConstructor, RepeatedSGD
from mmseg_gl.engine.uda_distributed_data_parallel import UDADistributedDataParallel

__all__ = [
    'AlignmentMonitorHook',
    'BadImageHook',
    'MultiOptimWrapperConstructor',
    'PredictionWriterHook',
    'RepeatedSGD',
    'TwoPhaseHook',
    'UDADistributedDataParallel',
]

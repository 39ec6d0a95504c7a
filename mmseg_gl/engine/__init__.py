from mmseg_gl.engine.hooks import AlignmentMonitorHook, PredictionWriterHook, TwoPhaseHook
from mmseg_gl.engine.optimizers import MultiOptimWrapperConstructor, RepeatedSGD
from mmseg_gl.engine.uda_distributed_data_parallel import UDADistributedDataParallel

__all__ = [
    'AlignmentMonitorHook',
    'MultiOptimWrapperConstructor',
    'PredictionWriterHook',
    'RepeatedSGD',
    'TwoPhaseHook',
    'UDADistributedDataParallel',
]

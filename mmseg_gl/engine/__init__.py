from mmseg_gl.engine.hooks import (
    AlignmentMonitorHook,
    BadImageHook,
    IgnoredLabelsHook,
    PhaseHook,
    PredictionWriterHook,
    RandomStateHook,
    SafeCheckpointHook,
    TwoPhaseHook,
)
from mmseg_gl.engine.optimizers import (
    CpuAmpOptimWrapper,
    MultiOptimWrapperConstructor,
    RepeatedSGD,
)
from mmseg_gl.engine.uda_distributed_data_parallel import UDADistributedDataParallel

__all__ = [
    'AlignmentMonitorHook',
    'BadImageHook',
    'CpuAmpOptimWrapper',
    'IgnoredLabelsHook',
    'MultiOptimWrapperConstructor',
    'PhaseHook',
    'PredictionWriterHook',
    'RandomStateHook',
    'RepeatedSGD',
    'SafeCheckpointHook',
    'TwoPhaseHook',
    'UDADistributedDataParallel',
]

from mmseg_gl.engine.hooks import (
    AlignmentMonitorHook,
    BadImageHook,
    DueValidationHook,
    IgnoredLabelsHook,
    InterruptionHook,
    NonfiniteLossHook,
    PhaseHook,
    PredictionWriterHook,
    RandomStateHook,
    SafeCheckpointHook,
    TargetMonitorHook,
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
    'DueValidationHook',
    'IgnoredLabelsHook',
    'InterruptionHook',
    'MultiOptimWrapperConstructor',
    'NonfiniteLossHook',
    'PhaseHook',
    'PredictionWriterHook',
    'RandomStateHook',
    'RepeatedSGD',
    'SafeCheckpointHook',
    'TargetMonitorHook',
    'TwoPhaseHook',
    'UDADistributedDataParallel',
]

from mmseg_gl.engine.hooks.alignment_monitor_hook import AlignmentMonitorHook
from mmseg_gl.engine.hooks.bad_image_hook import BadImageHook
from mmseg_gl.engine.hooks.due_validation_hook import DueValidationHook
from mmseg_gl.engine.hooks.ignored_labels_hook import IgnoredLabelsHook
from mmseg_gl.engine.hooks.interruption_hook import InterruptionHook
from mmseg_gl.engine.hooks.nonfinite_loss_hook import NonfiniteLossHook
from mmseg_gl.engine.hooks.phase_hook import PhaseHook
from mmseg_gl.engine.hooks.prediction_writer_hook import PredictionWriterHook
from mmseg_gl.engine.hooks.random_state_hook import RandomStateHook
from mmseg_gl.engine.hooks.safe_checkpoint_hook import SafeCheckpointHook
from mmseg_gl.engine.hooks.target_monitor_hook import TargetMonitorHook
from mmseg_gl.engine.hooks.two_phase_hook import TwoPhaseHook
from mmseg_gl.engine.hooks.uda_visualization_hook import UDAVisualizationHook

__all__ = [
    'AlignmentMonitorHook',
    'BadImageHook',
    'DueValidationHook',
    'IgnoredLabelsHook',
    'InterruptionHook',
    'NonfiniteLossHook',
    'PhaseHook',
    'PredictionWriterHook',
    'RandomStateHook',
    'SafeCheckpointHook',
    'TargetMonitorHook',
    'TwoPhaseHook',
    'UDAVisualizationHook',
]

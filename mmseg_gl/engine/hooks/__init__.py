from mmseg_gl.engine.hooks.alignment_monitor_hook import AlignmentMonitorHook
from mmseg_gl.engine.hooks.prediction_writer_hook import PredictionWriterHook
from mmseg_gl.engine.hooks.two_phase_hook import TwoPhaseHook

__all__ = ['AlignmentMonitorHook', 'PredictionWriterHook', 'TwoPhaseHook']

from mmseg_gl.engine.hooks.prediction_writer_hook import PredictionWriterHook

__all__ = ['PredictionWriterHook']

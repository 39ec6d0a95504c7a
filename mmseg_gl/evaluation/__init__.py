from mmseg_gl.evaluation.uda_iou_metric import UDAIoUMetric
from mmseg_gl.evaluation.uda_val_loop import UDAValLoop
from mmseg_gl.evaluation.unsupervised_scores import UnsupervisedScores

__all__ = ['UDAIoUMetric', 'UDAValLoop', 'UnsupervisedScores']

from mmseg_gl.models.test_time.averaged_views import AveragedViews
from mmseg_gl.models.test_time.target_batch_norm import target_batch_norm
from mmseg_gl.models.test_time.tent import Tent

__all__ = ['AveragedViews', 'Tent', 'target_batch_norm']

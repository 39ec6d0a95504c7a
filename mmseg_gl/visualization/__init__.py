from mmseg_gl.visualization.grouped_tensorboard_vis_backend import GroupedTensorboardVisBackend
from mmseg_gl.visualization.grouped_wandb_vis_backend import GroupedWandbVisBackend
from mmseg_gl.visualization.montage import montage

__all__ = ['GroupedTensorboardVisBackend', 'GroupedWandbVisBackend', 'montage']

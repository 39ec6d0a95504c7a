from mmseg_gl.visualization.grouped_tensorboard_vis_backend import GroupedTensorboardVisBackend
from mmseg_gl.visualization.grouped_wandb_vis_backend import GroupedWandbVisBackend
from mmseg_gl.visualization.montage import montage
from mmseg_gl.visualization.picture_vis_backend import PictureVisBackend
from mmseg_gl.visualization.sheet import Cell, sheet
from mmseg_gl.visualization.training_sheets import training_sheets

__all__ = [
    'Cell',
    'GroupedTensorboardVisBackend',
    'GroupedWandbVisBackend',
    'PictureVisBackend',
    'montage',
    'sheet',
    'training_sheets',
]

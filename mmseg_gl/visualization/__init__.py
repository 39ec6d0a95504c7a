from mmseg_gl.visualization.montage import montage
from mmseg_gl.visualization.picture_vis_backend import PictureVisBackend
from mmseg_gl.visualization.sheet import Cell, sheet
from mmseg_gl.visualization.training_sheets import training_sheets

__all__ = ['Cell', 'PictureVisBackend', 'montage', 'sheet', 'training_sheets']

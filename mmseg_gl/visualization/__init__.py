from mmseg_gl.visualization.montage import montage

__all__ = ['montage']

from mmseg_gl.apis.checkpoint import load_segmentor, read_checkpoint
from mmseg_gl.apis.config import load_config

__all__ = ['load_config', 'load_segmentor', 'read_checkpoint']

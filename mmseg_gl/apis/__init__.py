from mmseg_gl.apis.checkpoint import load_segmentor, read_checkpoint
from mmseg_gl.apis.config import load_config
from mmseg_gl.apis.launch import add_run_arguments, load_run_config

__all__ = [
    'add_run_arguments',
    'load_config',
    'load_run_config',
    'load_segmentor',
    'read_checkpoint',
]

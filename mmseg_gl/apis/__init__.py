from mmseg_gl.apis.config import load_config
from mmseg_gl.apis.launch import add_run_arguments, load_run_config
from mmseg_gl.apis.mmseg_config import mmseg_config, segmentor_checkpoint
from mmseg_gl.engine.checkpoint import check_start, load_segmentor, read_checkpoint

__all__ = [
    'add_run_arguments',
    'check_start',
    'load_config',
    'load_run_config',
    'load_segmentor',
    'mmseg_config',
    'read_checkpoint',
    'segmentor_checkpoint',
]

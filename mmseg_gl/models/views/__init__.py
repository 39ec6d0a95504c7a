from mmseg_gl.models.views.class_mix import ClassMix
from mmseg_gl.models.views.masked_images import MaskedImages

__all__ = ['ClassMix', 'MaskedImages']

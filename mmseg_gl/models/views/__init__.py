from mmseg_gl.models.views.class_mix import ClassMix
from mmseg_gl.models.views.masked_images import MaskedImages
from mmseg_gl.models.views.strong_augmentation import StrongAugmentation

__all__ = ['ClassMix', 'MaskedImages', 'StrongAugmentation']

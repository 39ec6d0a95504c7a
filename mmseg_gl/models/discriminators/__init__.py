from mmseg_gl.models.discriminators.base_head import BaseDiscriminatorHead
from mmseg_gl.models.discriminators.global_head import GlobalDiscriminatorHead
from mmseg_gl.models.discriminators.local_head import LocalDiscriminatorHead
from mmseg_gl.models.discriminators.mixture_module import MixtureModule

__all__ = [
    'BaseDiscriminatorHead',
    'GlobalDiscriminatorHead',
    'LocalDiscriminatorHead',
    'MixtureModule',
]

from mmseg_gl.models.backbones import (
    DeepLabV2ResNet,
    DeepLabV2VGG,
    EfficientNetLite,
    FCN8sVGG,
)
from mmseg_gl.models.decode_heads import DeepLabV2Head, FCN8sHead
from mmseg_gl.models.discriminators import (
    GlobalDiscriminatorHead,
    LocalDiscriminatorHead,
    MixtureModule,
)
from mmseg_gl.models.losses import EntropyLoss, PseudoLabelLoss
from mmseg_gl.models.segmentors import MultiOutputEncoderDecoder, UDASegmentor
from mmseg_gl.models.translation import CycleGAN, PatchDiscriminator, ResNetGenerator

__all__ = [
    'CycleGAN',
    'DeepLabV2Head',
    'DeepLabV2ResNet',
    'DeepLabV2VGG',
    'EfficientNetLite',
    'EntropyLoss',
    'FCN8sHead',
    'FCN8sVGG',
    'GlobalDiscriminatorHead',
    'LocalDiscriminatorHead',
    'MixtureModule',
    'MultiOutputEncoderDecoder',
    'PatchDiscriminator',
    'PseudoLabelLoss',
    'ResNetGenerator',
    'UDASegmentor',
]

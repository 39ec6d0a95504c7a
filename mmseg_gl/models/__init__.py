from mmseg_gl.models.backbones import (
    DeepLabV2ResNet,
    DeepLabV2VGG,
    EfficientNetLite,
    FCN8sVGG,
    MixTransformer,
)
from mmseg_gl.models.decode_heads import DAFormerHead, DeepLabV2Head, FCN8sHead
from mmseg_gl.models.discriminators import (
    BaseDiscriminatorHead,
    GlobalDiscriminatorHead,
    LocalDiscriminatorHead,
    MixtureModule,
)
from mmseg_gl.models.ema_teacher import EMATeacher
from mmseg_gl.models.image_batch import ImageBatch
from mmseg_gl.models.losses import EntropyLoss, FeatureDistance, PseudoLabelLoss
from mmseg_gl.models.outputs import Outputs
from mmseg_gl.models.segmentors import (
    HRDAEncoderDecoder,
    MultiOutputEncoderDecoder,
    UDASegmentor,
)
from mmseg_gl.models.translation import CycleGAN, PatchDiscriminator, ResNetGenerator
from mmseg_gl.models.views import ClassMix, MaskedImages, StrongAugmentation

__all__ = [
    'StrongAugmentation',
    'MixTransformer',
    'HRDAEncoderDecoder',
    'FeatureDistance',
    'DAFormerHead',
    'BaseDiscriminatorHead',
    'ClassMix',
    'CycleGAN',
    'DeepLabV2Head',
    'DeepLabV2ResNet',
    'DeepLabV2VGG',
    'EMATeacher',
    'EfficientNetLite',
    'EntropyLoss',
    'FCN8sHead',
    'FCN8sVGG',
    'GlobalDiscriminatorHead',
    'ImageBatch',
    'LocalDiscriminatorHead',
    'MaskedImages',
    'MixtureModule',
    'MultiOutputEncoderDecoder',
    'Outputs',
    'PatchDiscriminator',
    'PseudoLabelLoss',
    'ResNetGenerator',
    'UDASegmentor',
]

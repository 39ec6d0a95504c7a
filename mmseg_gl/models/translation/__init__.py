from mmseg_gl.models.translation.cycle_gan import CycleGAN
from mmseg_gl.models.translation.image_pool import ImagePool
from mmseg_gl.models.translation.patch_discriminator import PatchDiscriminator
from mmseg_gl.models.translation.resnet_generator import ResNetGenerator
from mmseg_gl.models.translation.semantic_consistency import SemanticConsistency

__all__ = [
    'CycleGAN',
    'ImagePool',
    'PatchDiscriminator',
    'ResNetGenerator',
    'SemanticConsistency',
]

from mmseg_gl.models.backbones.deeplabv2_resnet import DeepLabV2ResNet
from mmseg_gl.models.backbones.deeplabv2_vgg import DeepLabV2VGG

__all__ = ['DeepLabV2ResNet', 'DeepLabV2VGG']

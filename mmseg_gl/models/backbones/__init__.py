from mmseg_gl.models.backbones.deeplabv2_resnet import DeepLabV2ResNet
from mmseg_gl.models.backbones.deeplabv2_vgg import DeepLabV2VGG
from mmseg_gl.models.backbones.efficientnet_lite import EfficientNetLite
from mmseg_gl.models.backbones.fcn8s_vgg import FCN8sVGG
from mmseg_gl.models.backbones.mix_transformer import MixTransformer

__all__ = ['DeepLabV2ResNet', 'DeepLabV2VGG', 'EfficientNetLite', 'FCN8sVGG', 'MixTransformer']

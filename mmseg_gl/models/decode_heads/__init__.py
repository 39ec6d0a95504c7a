from mmseg_gl.models.decode_heads.daformer_head import DAFormerHead
from mmseg_gl.models.decode_heads.deeplabv2_head import DeepLabV2Head
from mmseg_gl.models.decode_heads.fcn8s_head import FCN8sHead

__all__ = ['DAFormerHead', 'DeepLabV2Head', 'FCN8sHead']

from mmseg_gl.models.decode_heads.deeplabv2_head import DeepLabV2Head

__all__ = ['DeepLabV2Head']

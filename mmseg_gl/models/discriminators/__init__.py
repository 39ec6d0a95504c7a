from mmseg_gl.models.discriminators.global_head import GlobalDiscriminatorHead

__all__ = ['GlobalDiscriminatorHead']

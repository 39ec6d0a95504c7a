from mmseg_gl.models.losses.adversarial import adversarial_loss

__all__ = ['adversarial_loss']

from mmseg_gl.models.losses.adversarial import adversarial_loss
from mmseg_gl.models.losses.entropy_loss import EntropyLoss

__all__ = ['EntropyLoss', 'adversarial_loss']

from mmseg_gl.models.losses.adversarial import adversarial_loss
from mmseg_gl.models.losses.entropy_loss import EntropyLoss
from mmseg_gl.models.losses.pseudo_label_loss import PseudoLabelLoss

__all__ = ['EntropyLoss', 'PseudoLabelLoss', 'adversarial_loss']

from mmseg_gl.models.losses.adversarial import adversarial_loss
from mmseg_gl.models.losses.entropy_loss import EntropyLoss
from mmseg_gl.models.losses.feature_distance import FeatureDistance
from mmseg_gl.models.losses.pseudo_label_loss import PseudoLabelLoss

__all__ = ['EntropyLoss', 'FeatureDistance', 'PseudoLabelLoss', 'adversarial_loss']

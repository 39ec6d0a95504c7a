from mmseg.registry import MODELS
from torch import nn

from mmseg_gl.models import BaseDiscriminatorHead


@MODELS.register_module()
class FeatureHead(BaseDiscriminatorHead):
    """Aligns the backbone's last feature map; "last" takes the place of an output level."""

    levels = ()  # no output of the segmentor is needed

    def build_discriminator(self):
        return nn.Sequential(nn.Conv2d(128, 32, 1), nn.LeakyReLU(0.2), nn.Conv2d(32, 1, 1))

    def maps(self, outputs):
        return dict(last=outputs.features[-1])

from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_gl.models.translation.resnet_generator import NORMAL_INIT


@MODELS.register_module()
class PatchDiscriminator(BaseModule):
    """Discriminator of CycleGAN: one raw score per patch, real (1) or translated (0).

    4x4 convolutions with LeakyReLU(0.2) between them: ``num_layers`` of stride 2 (the first without
    instance norm), one of stride 1, and the output layer, also of stride 1. With 3 layers of 64,
    128, 256 (and 512) channels each score has a receptive field of 70x70 pixels; 2 764 737
    parameters and, as in :class:`ResNetGenerator`, no running statistics.

    Args:
        channels: Output channels of the first convolution, 64 in the papers.
        num_layers: Number of strided convolutions, 3 in the papers.
        init_cfg: Default: weights from N(0, 0.02), biases 0.
    """

    def __init__(
        self, channels: int = 64, num_layers: int = 3, init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg or NORMAL_INIT)
        layers = [nn.Conv2d(3, channels, 4, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True)]
        for n in range(1, num_layers + 1):
            wider = 2 * channels if n <= 3 else channels  # at most 8 times the first
            layers += [
                nn.Conv2d(channels, wider, 4, stride=2 if n < num_layers else 1, padding=1),
                nn.InstanceNorm2d(wider),
                nn.LeakyReLU(0.2, inplace=True),
            ]
            channels = wider
        self.layers = nn.Sequential(*layers, nn.Conv2d(channels, 1, 4, padding=1))

    def forward(self, images: Tensor) -> Tensor:
        """Return scores (N, 1, about H/8, about W/8) of images (N, 3, H, W), RGB in [-1, 1]."""
        return self.layers(images)

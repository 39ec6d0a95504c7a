import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_gl.errors import UserError

NORMAL_INIT = dict(type='Normal', layer=['Conv2d', 'ConvTranspose2d'], std=0.02)  # biases 0


@MODELS.register_module()
class ResNetGenerator(BaseModule):
    """Generator of CycleGAN: two steps down, residual blocks, two steps up, tanh.

    7x7 convolution, 3x3 convolutions of stride 2 that double the channels, ``num_blocks`` residual
    blocks, transposed convolutions that halve the channels, 7x7 convolution; reflection padding,
    instance norm without affine parameters, biases everywhere (``resnet_9blocks``, no dropout).

    The instance norm uses the statistics of each image in training and in testing and stores none:
    the state is 11 378 179 parameters. The official state dicts also contain ``running_mean`` and
    ``running_var`` (an older default), which are not used in testing.

    Args:
        channels: Output channels of the first convolution, 64 in the papers.
        num_blocks: Number of residual blocks, 9 in the papers.
        num_steps: Number of steps down, and of steps up, 2 in the papers.
        init_cfg: Default: weights from N(0, 0.02), biases 0.
    """

    def __init__(
        self,
        channels: int = 64,
        num_blocks: int = 9,
        num_steps: int = 2,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg or NORMAL_INIT)
        self.stride = 2**num_steps
        widths = [channels * 2**step for step in range(num_steps + 1)]
        layers = [nn.ReflectionPad2d(3), nn.Conv2d(3, channels, 7), *norm_relu(channels)]
        for narrow, wide in zip(widths, widths[1:]):
            layers += [nn.Conv2d(narrow, wide, 3, stride=2, padding=1), *norm_relu(wide)]
        layers += [ResidualBlock(widths[-1]) for _ in range(num_blocks)]
        for wide, narrow in zip(widths[:0:-1], widths[-2::-1]):
            layers += [
                nn.ConvTranspose2d(wide, narrow, 3, stride=2, padding=1, output_padding=1),
                *norm_relu(narrow),
            ]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(channels, 3, 7), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        """Translate images.

        Args:
            images: (N, 3, H, W), RGB in [-1, 1]. A size that is not divisible by the stride of the
                steps is padded by reflection on the right and at the bottom, and the output is
                cropped.

        Returns:
            (N, 3, H, W), RGB in (-1, 1).

        Raises:
            UserError: For images whose height or width is too small for the padding (at most 4
                pixels with two steps).
        """
        height, width = images.shape[2:]
        smallest = max(self.stride, 3) + 1  # reflection by 3, and by 1 after the steps
        if min(height, width) < smallest:
            raise UserError(
                f'an image of {width}x{height} pixels is too small to translate; remove images '
                f'with sides below {smallest} pixels'
            )
        padding = (0, -width % self.stride, 0, -height % self.stride)
        return self.layers(F.pad(images, padding, mode='reflect'))[..., :height, :width]


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with instance norm, ReLU between them, added to the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            *norm_relu(channels),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, features: Tensor) -> Tensor:
        return features + self.layers(features)


def norm_relu(channels: int) -> tuple[nn.InstanceNorm2d, nn.ReLU]:
    return nn.InstanceNorm2d(channels), nn.ReLU(inplace=True)

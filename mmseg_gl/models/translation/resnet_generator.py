import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import nn

from mmseg_gl.errors import UserError

NORMAL_INIT = dict(type='Normal', layer=['Conv2d', 'ConvTranspose2d'], std=0.02)  # biases 0


@MODELS.register_module()
class ResNetGenerator(BaseModule):
    """CycleGAN's generator: two steps down, residual blocks, two steps up, tanh.

    7x7 convolution, 3x3 ones of stride 2 that double the channels, ``num_blocks`` residual blocks,
    transposed convolutions that halve them, 7x7 convolution; reflection padding, instance norm
    without affine parameters, biases everywhere (``resnet_9blocks``, no dropout).

    The instance norm takes each image's own statistics in training and in testing and keeps none:
    11 378 179 parameters and nothing else. The official state dicts hold ``running_mean`` and
    ``running_var`` besides (an older default), which its test run does not use.

    Args:
        channels (int): Output channels of the first convolution, 64 in the papers.
        num_blocks (int): Number of residual blocks, 9 in the papers.
        num_steps (int): Number of steps down, and up, 2 in the papers.
        init_cfg (dict | None): Default: weights from N(0, 0.02), biases 0.
    """

    def __init__(self, channels=64, num_blocks=9, num_steps=2, init_cfg=None):
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

    def forward(self, images):
        """Translate images.

        Args:
            images (Tensor): (N, 3, H, W), RGB in [-1, 1]. Sizes that the steps do not divide are
                padded by reflection at the right and the bottom, and the output is cropped.

        Returns:
            Tensor: (N, 3, H, W), RGB in (-1, 1).

        Raises:
            UserError: For images of no more pixels in height or width than a padding may have (4
                with two steps).
        """
        height, width = images.shape[2:]
        smallest = max(self.stride, 3) + 1  # reflection by 3, and by 1 after the steps
        if min(height, width) < smallest:
            raise UserError(
                f'an image of {width}x{height} pixels is too small to translate; take away images '
                f'of less than {smallest} pixels'
            )
        padding = (0, -width % self.stride, 0, -height % self.stride)
        return self.layers(F.pad(images, padding, mode='reflect'))[..., :height, :width]


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with instance norm, ReLU between them, added to the input."""

    def __init__(self, channels):
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            *norm_relu(channels),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, features):
        return features + self.layers(features)


def norm_relu(channels):
    return nn.InstanceNorm2d(channels), nn.ReLU(inplace=True)

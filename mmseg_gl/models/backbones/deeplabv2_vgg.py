from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_gl.weights.imagenet import load_pretrained_backbone

WHERE = (
    'the Caffe VGG-16 weights that the papers use are "vgg16-00b39a1b.pth" of '
    'https://github.com/jcjohnson/pytorch-vgg, or OpenMMLab\'s "vgg16_caffe-292e1171.pth" '
    '("open-mmlab://vgg16_caffe")'
)

# Convolutions of VGG-16 (channels, 'M' = 2x2 max pooling) up to conv5_3; pool4 and pool5 are gone.
LAYERS = (64, 64, 'M', 128, 128, 'M', 256, 256, 256, 'M', 512, 512, 512)
DILATED_LAYERS = (512, 512, 512)
POOL4 = 23  # index of pool4 in torchvision's vgg16.features, the first layer that is left out


@MODELS.register_module()
class DeepLabV2VGG(BaseModule):
    """VGG-16 of DeepLab-v2: no pool4 and pool5, conv5 dilated, fc6 and fc7 as 3x3 convolutions.

    Follows AdaptSegNet ``model/deeplab_vgg.py``: conv5_1..3 have dilation 2; fc6 (512 -> 1024) and
    fc7 (1024 -> 1024) are 3x3 convolutions with dilation 4; no dropout, no batch norm; output
    stride 8, sizes rounded down. Modules are indexed like the official ``features`` (0..32).

    Args:
        base_channels: Width of conv1; 64 is VGG-16, less gives small networks for tests.
        init_cfg: ``dict(type='Pretrained', checkpoint=PATH)`` loads the thirteen convolutions from
            a VGG-16 file in torchvision's layout; fc6 and fc7 keep PyTorch's default
            initialisation, as in the official code.

    Returns of ``forward``: a 1-tuple with the fc7 map, (N, 16 * base_channels, H // 8, W // 8).

    Raises:
        UserError: When the ImageNet file is missing or is not of this architecture.
    """

    def __init__(self, base_channels: int = 64, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        layers: list[nn.Module] = []
        channels = 3

        def add_conv(out_channels: int, dilation: int = 1) -> None:
            nonlocal channels
            out_channels = out_channels * base_channels // 64
            layers.append(nn.Conv2d(channels, out_channels, 3, padding=dilation, dilation=dilation))
            layers.append(nn.ReLU(inplace=True))
            channels = out_channels

        for item in LAYERS:
            add_conv(item) if isinstance(item, int) else layers.append(nn.MaxPool2d(2, 2))
        for width in DILATED_LAYERS:
            add_conv(width, dilation=2)
        for width in (1024, 1024):
            add_conv(width, dilation=4)
        self.features = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> tuple[Tensor]:
        return (self.features(x),)

    def init_weights(self) -> None:
        fully_connected = ('features.29.', 'features.31.')
        if not load_pretrained_backbone(self, WHERE, torchvision_to_own, optional=fully_connected):
            super().init_weights()


def torchvision_to_own(key: str) -> str | None:
    """Map torchvision's ``features.N`` to our numbering without pool4 (N = 23)."""
    if not key.startswith('features.'):
        return None
    _, index, leaf = key.split('.')
    number = int(index)
    return f'features.{number - (number > POOL4)}.{leaf}'

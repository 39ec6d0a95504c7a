from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_gl.weights.imagenet import load_pretrained_backbone

WHERE = (
    'FCN-8s needs the Caffe VGG-16 weights with their classifier, "vgg16-00b39a1b.pth" of '
    'https://github.com/jcjohnson/pytorch-vgg'
)

# Convolutions of VGG-16 (channels, 'M' = 2x2 max pooling), in torchvision's order.
LAYERS = (64, 64, 'M', 128, 128, 'M', 256, 256, 256, 'M', 512, 512, 512, 'M', 512, 512, 512, 'M')
POOL3, POOL4 = 16, 23  # their indices in ``features``


@MODELS.register_module()
class FCN8sVGG(BaseModule):
    """VGG-16 as a fully convolutional network: the backbone of FCN-8s (BDL ``model/fcn8s.py``).

    conv1_1 is padded by 100, all pools round up, fc6 is a 7x7 convolution without padding and fc7 a
    1x1 convolution, both with ReLU and Dropout2d(0.5). Modules are indexed like torchvision's
    ``features`` (0..30).

    Args:
        base_channels: Width of conv1; 64 is VGG-16, less gives small networks for tests.
        init_cfg: ``dict(type='Pretrained', checkpoint=PATH)`` loads a VGG-16 file in torchvision's
            layout; the first two layers of its classifier become fc6 and fc7.

    Returns of ``forward``: the maps of pool3, pool4 and fc7, with 4, 8 and 64 times
    ``base_channels``, and the image itself, whose size :class:`FCN8sHead` crops to.

    Raises:
        UserError: When the ImageNet file is missing or is not of this architecture.
    """

    def __init__(self, base_channels: int = 64, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        layers: list[nn.Module] = []
        channels = 3
        for item in LAYERS:
            if item == 'M':
                layers.append(nn.MaxPool2d(2, 2, ceil_mode=True))
            else:
                width = item * base_channels // 64
                layers.append(nn.Conv2d(channels, width, 3, padding=1 if layers else 100))
                layers.append(nn.ReLU(inplace=True))
                channels = width
        self.features = nn.Sequential(*layers)
        self.fc6 = nn.Conv2d(channels, 64 * base_channels, 7)
        self.fc7 = nn.Conv2d(64 * base_channels, 64 * base_channels, 1)
        self.relu = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout2d(0.5)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        pool3 = self.features[: POOL3 + 1](x)
        pool4 = self.features[POOL3 + 1 : POOL4 + 1](pool3)
        pool5 = self.features[POOL4 + 1 :](pool4)
        fc6 = self.dropout(self.relu(self.fc6(pool5)))
        fc7 = self.dropout(self.relu(self.fc7(fc6)))
        return pool3, pool4, fc7, x

    def init_weights(self) -> None:
        if not load_pretrained_backbone(self, WHERE, convert=self.convert_classifier):
            super().init_weights()

    def convert_classifier(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Turn the fully connected layers of VGG-16's classifier into convolutions."""
        weights = dict(weights)
        for number, layer in (('0', 'fc6'), ('3', 'fc7')):
            weight = weights.pop(f'classifier.{number}.weight', None)
            shape = getattr(self, layer).weight.shape
            if weight is not None and weight.numel() == shape.numel():
                weights[f'{layer}.weight'] = weight.reshape(shape)
                weights[f'{layer}.bias'] = weights.pop(f'classifier.{number}.bias')
        return weights

from collections.abc import Sequence

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor, nn

# Offsets at which the maps of the padded image are cropped (BDL model/fcn8s.py).
POOL4_OFFSET, POOL3_OFFSET, OUTPUT_OFFSET = 5, 9, 31
# The scores read damped copies of pool4 and pool3 (BDL model/fcn8s.py).
POOL4_SCALE, POOL3_SCALE = 0.01, 0.0001


@MODELS.register_module()
class FCN8sHead(BaseDecodeHead):
    """Classifier of FCN-8s: scores of fc7, pool4 and pool3, upsampled and added coarse to fine.

    Follows BDL ``model/fcn8s.py``: the score convolutions are initialised with zeros; the three
    transposed convolutions are bilinear kernels and are not trained.

    Args:
        in_channels: Channels of pool3, pool4 and fc7.
        num_classes: Number of classes K.
        **kwargs: Options of mmseg's BaseDecodeHead (``loss_decode``, ...).

    ``forward`` takes the four outputs of :class:`FCN8sVGG` and returns logits at the image's own
    size, (N, K, H, W).
    """

    def __init__(self, in_channels: Sequence[int], num_classes: int, **kwargs) -> None:
        super().__init__(
            in_channels=in_channels,
            in_index=(0, 1, 2),
            input_transform='multiple_select',
            channels=num_classes,
            num_classes=num_classes,
            align_corners=True,
            dropout_ratio=0,
            init_cfg=None,
            **kwargs,
        )
        self.conv_seg = None  # BaseDecodeHead's 1x1 classifier; the scores are the classifier
        pool3, pool4, fc7 = in_channels
        self.score_fr = nn.Conv2d(fc7, num_classes, 1)
        self.score_pool4 = nn.Conv2d(pool4, num_classes, 1)
        self.score_pool3 = nn.Conv2d(pool3, num_classes, 1)
        for score in (self.score_fr, self.score_pool4, self.score_pool3):
            for parameter in score.parameters():
                nn.init.zeros_(parameter)
        self.upscore2 = bilinear_upsampling(num_classes, 2)
        self.upscore_pool4 = bilinear_upsampling(num_classes, 2)
        self.upscore8 = bilinear_upsampling(num_classes, 8)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        pool3, pool4, fc7 = self._transform_inputs(inputs)
        coarse = self.upscore2(self.score_fr(fc7))
        middle = coarse + crop(self.score_pool4(pool4 * POOL4_SCALE), POOL4_OFFSET, coarse)
        middle = self.upscore_pool4(middle)
        fine = middle + crop(self.score_pool3(pool3 * POOL3_SCALE), POOL3_OFFSET, middle)
        return crop(self.upscore8(fine), OUTPUT_OFFSET, inputs[-1]).contiguous()


def bilinear_upsampling(channels: int, factor: int) -> nn.ConvTranspose2d:
    """Return a frozen transposed convolution that upsamples each channel bilinearly."""
    size = 2 * factor
    layer = nn.ConvTranspose2d(channels, channels, size, stride=factor, bias=False)
    line = 1 - (torch.arange(size) - (size - 1) / 2).abs() / factor
    with torch.no_grad():
        layer.weight.zero_()
        for channel in range(channels):
            layer.weight[channel, channel] = line[:, None] * line
    return layer.requires_grad_(False)


def crop(maps: Tensor, offset: int, like: Tensor) -> Tensor:
    """Crop ``maps`` at (offset, offset) to the size of ``like``."""
    height, width = like.shape[2:]
    return maps[:, :, offset : offset + height, offset : offset + width]

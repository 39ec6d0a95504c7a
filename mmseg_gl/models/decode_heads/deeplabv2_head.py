from collections.abc import Sequence
from typing import Any

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_gl.models.ops.summed_dilated_conv import summed_dilated_conv


@MODELS.register_module()
class DeepLabV2Head(BaseDecodeHead):
    """Classifier of DeepLab-v2: parallel dilated 3x3 convolutions whose outputs are summed.

    The convolutions are computed together, see :func:`summed_dilated_conv`.

    The published AdaptSegNet networks (and the frozen network inside BDL's CycleGAN) sum only the
    first two branches, since their forward returns from inside the loop; their weights need
    ``num_branches=2``. ADVENT and BDL sum all four.

    Args:
        in_channels: Channels of the selected feature map.
        num_classes: Number of classes K.
        dilations: Dilation (and padding) of each branch; DeepLab-v2: 6, 12, 18, 24.
        num_branches: Number of branches, the first of ``dilations``; None uses all.
        align_corners: For every resizing of the logits; True in all official implementations.
        **kwargs: Options of mmseg's BaseDecodeHead (``in_index``, ``loss_decode``, ...).

    Returns of ``forward``: logits at the feature map's resolution, (N, K, h, w).
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        dilations: Sequence[int] = (6, 12, 18, 24),
        num_branches: int | None = None,
        align_corners: bool = True,
        **kwargs,
    ) -> None:
        super().__init__(
            in_channels=in_channels,
            channels=in_channels,
            num_classes=num_classes,
            align_corners=align_corners,
            dropout_ratio=0,
            init_cfg=None,
            **kwargs,
        )
        self.conv_seg = None  # BaseDecodeHead's 1x1 classifier; the branches are the classifier
        branches = [
            nn.Conv2d(self.in_channels, num_classes, 3, padding=dilation, dilation=dilation)
            for dilation in dilations[:num_branches]
        ]
        self.branches: Any = nn.ModuleList(branches)
        for branch in branches:
            nn.init.normal_(branch.weight, std=0.01)  # the biases keep PyTorch's default

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        features = self._transform_inputs(inputs)
        return summed_dilated_conv(features, self.branches)

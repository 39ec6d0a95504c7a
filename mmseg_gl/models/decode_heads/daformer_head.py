from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmcv.cnn import ConvModule
from mmseg.models.decode_heads.aspp_head import ASPPModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.decode_heads.sep_aspp_head import DepthwiseSeparableASPPModule
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_gl.errors import check_choice

FUSIONS = ('separable_aspp', 'aspp', 'conv')


@MODELS.register_module()
class DAFormerHead(BaseDecodeHead):
    """Decode head of DAFormer: context-aware fusion of the features of all stages.

    Each stage is projected to ``channels`` and resized to the first one's size; the fusion of all
    of them gives the features of the classifier (DAFormer).

    Args:
        in_channels: Channels of the stages.
        channels: Channels after each projection and after the fusion (DAFormer: 256).
        fusion: 'separable_aspp', parallel depthwise separable convolutions of several dilations
            followed by a 3x3 convolution (DAFormer); 'aspp', the same with ordinary convolutions;
            or 'conv', a 1x1 convolution (SegFormer; HRDA's scale attention).
        dilations: Of the parallel convolutions; that of dilation 1 is a 1x1 convolution.
        **kwargs: Further options of mmseg's BaseDecodeHead.

    Returns of ``forward``: logits (N, K, h, w) of the size of the first stage (stride 4).

    Raises:
        UserError: For an unknown ``fusion``.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        channels: int = 256,
        fusion: str = 'separable_aspp',
        dilations: Sequence[int] = (1, 6, 12, 18),
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault('in_index', list(range(len(in_channels))))
        kwargs.setdefault('norm_cfg', dict(type='BN', requires_grad=True))
        super().__init__(
            in_channels=in_channels,
            channels=channels,
            input_transform='multiple_select',
            **kwargs,
        )
        check_choice('fusion', fusion, FUSIONS)
        self.embed_layers = nn.ModuleList(nn.Conv2d(number, channels, 1) for number in in_channels)
        options = dict(
            conv_cfg=self.conv_cfg,
            norm_cfg=self.norm_cfg,
            act_cfg=self.act_cfg,
        )
        stacked = channels * len(in_channels)
        if fusion == 'conv':
            self.fuse_layer = ConvModule(stacked, channels, 1, **options)
        else:
            kind = DepthwiseSeparableASPPModule if fusion == 'separable_aspp' else ASPPModule
            self.fuse_layer = ParallelFusion(
                kind(dilations=dilations, in_channels=stacked, channels=channels, **options),
                ConvModule(len(dilations) * channels, channels, 3, padding=1, **options),
            )

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        features = self._transform_inputs(inputs)
        size = features[0].shape[2:]
        embedded = [
            resize(layer(feature), size=size, mode='bilinear', align_corners=self.align_corners)
            for layer, feature in zip(self.embed_layers, features)
        ]
        return self.cls_seg(self.fuse_layer(torch.cat(embedded, dim=1)))


class ParallelFusion(nn.Module):
    """Parallel convolutions and a convolution that joins their results."""

    def __init__(self, aspp_modules: nn.Module, bottleneck: nn.Module) -> None:
        super().__init__()
        self.aspp_modules = aspp_modules
        self.bottleneck = bottleneck

    def forward(self, x: Tensor) -> Tensor:
        return self.bottleneck(torch.cat(self.aspp_modules(x), dim=1))

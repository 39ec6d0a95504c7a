from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from mmengine.model.weight_init import trunc_normal_
from mmseg.models.backbones import MixVisionTransformer
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from mmseg_gl.errors import check_choice
from mmseg_gl.weights.imagenet import load_pretrained_backbone

# Channels of the first stage and blocks per stage (SegFormer).
ARCHITECTURES = {
    'b0': (32, (2, 2, 2, 2)),
    'b1': (64, (2, 2, 2, 2)),
    'b2': (64, (3, 4, 6, 3)),
    'b3': (64, (3, 4, 18, 3)),
    'b4': (64, (3, 8, 27, 3)),
    'b5': (64, (3, 6, 40, 3)),
}
HEADS = (1, 2, 5, 8)  # per stage; the channels of a stage grow alike
EPS_INSIDE = 1e-5  # of layer norm in patch embedding and attention; elsewhere 1e-6
WHERE = (
    "NVIDIA's SegFormer repository links mit_b0.pth to mit_b5.pth, and OpenMMLab's model hub has "
    "the same weights as mit_b0_20220624-*.pth and so on; NVIDIA's licence forbids commercial use"
)
# Names in NVIDIA's files and in mmseg: the parts of a stage, and what is inside of them.
PARTS = {'patch_embed': '0', 'block': '1', 'norm': '2'}
RENAMED = {
    'attn.q.': 'attn.attn.in_proj_',  # followed by kv, which has no tensor of its own
    'attn.kv.': None,
    'attn.proj.': 'attn.attn.out_proj.',
    'mlp.fc1.': 'ffn.layers.0.',
    'mlp.dwconv.dwconv.': 'ffn.layers.1.',
    'mlp.fc2.': 'ffn.layers.4.',
    'proj.': 'projection.',
}


@MODELS.register_module()
class MixTransformer(MixVisionTransformer):
    """Mix Transformer (MiT), the backbone of SegFormer, DAFormer, HRDA and MIC.

    It is mmseg's MixVisionTransformer with the epsilon of layer norm that the published weights
    were trained with, and with attention that is computed without storing its weights.

    Args:
        arch: 'b0' to 'b5' (3.3, 13, 24, 44, 61 and 81 million parameters).
        drop_path_rate: Probability of skipping a block in training; it grows linearly from 0 in
            the first block to this value in the last one (SegFormer, DAFormer: 0.1).
        init_cfg: ``dict(type='Pretrained', checkpoint=PATH)`` loads a local file of ImageNet
            weights, NVIDIA's or OpenMMLab's; ``{arch}`` in the path stands for ``arch``. The file
            must contain every tensor of the network. None: start at random, as SegFormer does.
        **kwargs: Further options of mmseg's MixVisionTransformer.

    Attributes:
        out_channels: Channels of each stage.

    Returns of ``forward``: a list of feature maps; for an (N, 3, H, W) input those of strides 4,
    8, 16 and 32, (N, C, ceil(H / stride), ceil(W / stride)) with C = 64, 128, 320 and 512 (b0: 32,
    64, 160 and 256).

    Raises:
        UserError: For an unknown ``arch``; or when the ImageNet file is missing or is not of this
            architecture.
    """

    def __init__(
        self,
        arch: str = 'b5',
        drop_path_rate: float = 0.1,
        init_cfg: dict | None = None,
        **kwargs: Any,
    ) -> None:
        check_choice('arch', arch, ARCHITECTURES)
        channels, num_layers = ARCHITECTURES[arch]
        self.out_channels = [channels * heads for heads in HEADS]
        if init_cfg and 'checkpoint' in init_cfg:
            init_cfg = {**init_cfg, 'checkpoint': init_cfg['checkpoint'].format(arch=arch)}
        with RatesOnCPU():
            super().__init__(
                embed_dims=channels,
                num_layers=num_layers,
                num_heads=HEADS,
                drop_path_rate=drop_path_rate,
                init_cfg=init_cfg,
                **kwargs,
            )
        for patch_embed, blocks, _ in self.layers:
            patch_embed.norm.eps = EPS_INSIDE
            for block in blocks:
                attention = block.attn
                has_bias = attention.attn.in_proj_bias is not None
                attention.attn = Attention(
                    attention.embed_dims,
                    attention.num_heads,
                    dropout=attention.attn.dropout,
                    bias=has_bias,
                )
                if attention.sr_ratio > 1:
                    attention.norm.eps = EPS_INSIDE

    def init_weights(self) -> None:
        if load_pretrained_backbone(self, WHERE, convert=to_own):
            return
        super().init_weights()
        for module in self.modules():
            if isinstance(module, Attention):  # not a Linear, which mmseg would have initialised
                trunc_normal_(module.in_proj_weight, std=0.02)


class Attention(nn.MultiheadAttention):
    """Attention that returns no weights, so that PyTorch computes it in blocks."""

    def forward(  # type: ignore[override]
        self, query: Tensor, key: Tensor, value: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        return super().forward(query, key, value, need_weights=False)


class RatesOnCPU(TorchFunctionMode):
    """Context in which mmseg can read the rates of the blocks also on the meta device."""

    def __torch_function__(
        self, func: Callable, types: Any, args: Any = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        return func(*args, **({**kwargs, 'device': 'cpu'} if func is torch.linspace else kwargs))


def to_own(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename NVIDIA's tensors to mmseg's names; those of other names stay as they are."""
    own: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        if '.attn.q.' in name and (kv := name.replace('.q.', '.kv.')) in weights:
            tensor = torch.cat([tensor, weights[kv]])
        if '.mlp.fc' in name and name.endswith('weight'):
            tensor = tensor[:, :, None, None]
        if new := own_name(name):
            own[new] = tensor
    return own


def own_name(name: str) -> str | None:
    """Map the name of one of NVIDIA's tensors to mmseg's; None for one that is part of another.

    E.g. 'block1.0.mlp.fc1.bias' -> 'layers.0.1.0.ffn.layers.0.bias'.
    """
    module, *rest = name.split('.')
    part, stage = module[:-1], module[-1:]
    if part not in PARTS or not stage.isdigit():
        return name
    tail = '.'.join(rest)
    for theirs, ours in RENAMED.items():
        if theirs in tail:
            return ours and f'layers.{int(stage) - 1}.{PARTS[part]}.{tail.replace(theirs, ours)}'
    return f'layers.{int(stage) - 1}.{PARTS[part]}.{tail}'

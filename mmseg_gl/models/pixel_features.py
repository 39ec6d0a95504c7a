from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


@torch.no_grad()
def pixel_features(network: Any, images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the features that a decode head classifies, and its logits.

    The features are the input of mmseg's classifier ``conv_seg``. In a head without one, as those
    of DeepLab-v2 and FCN-8s, they are the feature map that it classifies, the deepest if there are
    several. Of HRDA they are those of the context.

    Args:
        network: mmseg's ``EncoderDecoder``, in evaluation mode.
        images: (N, 3, H, W), normalised.

    Returns:
        Features (N, C, h, w) and logits (N, K, h', w').
    """
    features: list[Any] = []  # of the backbone, in each pass
    classified: list[Tensor] = []
    head = network.decode_head
    last = network.neck if network.with_neck else network.backbone
    hooks = [last.register_forward_hook(lambda _, inputs, outputs: features.append(outputs))]
    if head.conv_seg is not None:
        hooks.append(
            head.conv_seg.register_forward_pre_hook(lambda _, inputs: classified.append(inputs[0]))
        )
    try:
        logits = network(images, mode='tensor')
    finally:
        for hook in hooks:
            hook.remove()
    maps = classified[0] if classified else head._transform_inputs(features[0])
    return maps if isinstance(maps, Tensor) else maps[-1], logits

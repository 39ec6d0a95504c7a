from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_gl.errors import UserError
from mmseg_gl.models.outputs import Outputs
from mmseg_gl.models.representations import at_least_float32

# Light, sign, person, rider, car, truck, bus, train, motorcycle, bicycle of Cityscapes' 19 classes.
THINGS = (6, 7, 11, 12, 13, 14, 15, 16, 17, 18)


@MODELS.register_module()
class FeatureDistance(BaseModule):
    """Distance of the last features to those of the ImageNet network, on things (DAFormer).

    The mean, over the cells of the feature map that show a thing (an object, not a surface), of the
    L2 distance over the channels. A cell shows the class that covers the largest share of it, if
    that share is at least ``min_share``. Without any such cell the loss is 0 (the official code's
    is NaN, with a gradient of 0).

    The ImageNet network has the segmentor's backbone and reads the same file of weights; it is
    frozen and in eval mode, and part of every checkpoint.

    Args:
        segmentor: The segmentor; UDASegmentor passes its own.
        loss_weight: Weight of the loss (DAFormer: 0.005).
        classes: Classes that are things; None: every cell counts.
        min_share: See above (DAFormer: 0.75).
        image_scale: Factor by which the images are resized for the ImageNet network, so that its
            features have the size of the segmentor's (HRDA: 0.5, those of the context).

    Raises:
        UserError: When the backbone does not start from pretrained weights or has a neck, or a
            class does not exist; in training, when the features and the labels have no whole number
            of pixels per cell.
    """

    def __init__(
        self,
        segmentor: nn.Module,
        loss_weight: float = 0.005,
        classes: Sequence[int] | None = THINGS,
        min_share: float = 0.75,
        image_scale: float = 1.0,
    ) -> None:
        super().__init__()
        init_cfg = getattr(segmentor.backbone, 'init_cfg', None)
        if not (isinstance(init_cfg, dict) and init_cfg.get('type') == 'Pretrained'):
            raise UserError(
                'FeatureDistance compares with the pretrained backbone, but the backbone starts at '
                'random: set model.segmentor.backbone.init_cfg=dict(type="Pretrained", '
                'checkpoint=...), or remove the loss'
            )
        if getattr(segmentor, 'with_neck', False):
            raise UserError(
                'FeatureDistance compares the features of the backbone, but the segmentor has a '
                'neck after it; remove the neck or the loss'
            )
        if classes is not None and max(classes, default=0) >= segmentor.num_classes:
            raise UserError(
                f'FeatureDistance: classes={tuple(classes)}, but the network has the classes 0 to '
                f'{segmentor.num_classes - 1}: set model.source_losses.feature_distance.classes to '
                'the numbers of those that are things'
            )
        self.backbone = deepcopy(segmentor.backbone).requires_grad_(False)
        self.loss_weight = loss_weight
        self.classes = classes
        self.min_share = min_share
        self.image_scale = image_scale

    def train(self, mode: bool = True) -> FeatureDistance:
        """Set the mode like ``nn.Module.train``, but keep the backbone in eval mode."""
        super().train(mode)
        self.backbone.eval()
        return self

    def forward(self, outputs: Outputs) -> dict[str, Tensor]:
        """Return the weighted scalar ``loss_feature_distance``."""
        with torch.no_grad():
            images = outputs.images
            if self.image_scale != 1:
                images = resize(images, scale_factor=self.image_scale, mode='bilinear')
            pretrained = self.backbone(images)[-1]
        assert outputs.labels is not None  # UDASegmentor has learned them before
        return {
            'loss_feature_distance': self.loss_weight
            * self.distance(outputs.features[-1], pretrained, outputs.labels)
        }

    def distance(self, features: Tensor, pretrained: Tensor, labels: Tensor) -> Tensor:
        """Return the mean distance over the cells that show a thing, a scalar.

        Args:
            features, pretrained: (N, C, h, w).
            labels: (N, H, W), with H = s * h and W = s * w.
        """
        distances = (at_least_float32(features) - at_least_float32(pretrained)).norm(dim=1)
        shown = self.shown(labels, features.shape[2:])
        return distances[shown].sum() / shown.sum().clamp(min=1)

    def shown(self, labels: Tensor, size: Sequence[int]) -> Tensor:
        """Return the cells that show a thing, (N, h, w) bool."""
        side = labels.shape[2] // size[1]
        if [side * n for n in size] != list(labels.shape[1:]):
            height, width = labels.shape[1:]
            raise UserError(
                f'FeatureDistance: images of {width}x{height} (width x height) do not divide into '
                f'the {size[1]}x{size[0]} cells of the features; crop to multiples of their stride'
            )
        if self.classes is None:
            return labels.new_ones(len(labels), *size, dtype=torch.bool)
        present = labels.unique()
        masks = torch.stack([labels == value for value in present], dim=1).to(torch.float32)
        share, index = F.avg_pool2d(masks, side).max(dim=1)
        cell = present[index]
        things = torch.tensor(list(self.classes), device=cell.device)
        return (share >= self.min_share) & torch.isin(cell, things)

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_gl.errors import UserError, check_range
from mmseg_gl.models.image_batch import ImageBatch
from mmseg_gl.models.outputs import Outputs
from mmseg_gl.models.random_draws import next_generator, register_seed
from mmseg_gl.models.representations import at_least_float32
from mmseg_gl.models.segmentors.multi_output_encoder_decoder import (
    MultiOutputEncoderDecoder,
    check_windows,
    supervised_loss,
)
from mmseg_gl.models.step import autocast_layout


class Box(NamedTuple):
    """A rectangle in pixels: rows ``top`` to ``bottom`` - 1, columns ``left`` to ``right`` - 1."""

    top: int
    bottom: int
    left: int
    right: int

    def of(self, maps: Tensor, stride: int = 1) -> Tensor:
        """Return what maps of a stride, (..., H / stride, W / stride), have in this box."""
        top, bottom, left, right = (side // stride for side in self)
        return maps[..., top:bottom, left:right]


@dataclass(eq=False)
class HRDAOutputs(Outputs):
    """Outputs of :class:`HRDAEncoderDecoder`.

    Attributes:
        detail: Logits of the detail crop, (N, K, h, w), at its size and in at least float32.
        box: The crop's place in the images.
    """

    detail: Tensor | None = None
    box: Box | None = None

    def detach(self) -> HRDAOutputs:
        detached: HRDAOutputs = super().detach()  # type: ignore[assignment]
        return replace(detached, detail=None if self.detail is None else self.detail.detach())


@MODELS.register_module()
class HRDAEncoderDecoder(MultiOutputEncoderDecoder):
    """Segmentor of HRDA: context at half the resolution, and detail at the full one.

    Backbone and decode head see the image at half its size (context) and a crop of it at full size
    (detail). The scale attention, computed from the context features, is the share of the detail's
    logits in the fused ones, for each class and pixel (HRDA). In training the crop is drawn at
    random in each forward pass; in inference overlapping crops cover the image and their logits are
    averaged. The features of the outputs are those of the context.

    As in the official code, the attention is 0 outside of the crop, the weights of context and
    detail add up to less than 1 at its border, where the attention is resized, and the crop never
    reaches the last pixels of the image.

    Args:
        scale_attention_head: Config of the decode head of the attention.
        detail_crop: Height and width of the crop in pixels (HRDA: 512, half of the images).
        detail_stride: Step of the crops in inference, in pixels (HRDA: 256).
        detail_weight: Weight of the loss on the crop's own logits; that on the fused ones has the
            rest, up to 1 (HRDA: 0.1).
        **kwargs: See :class:`MultiOutputEncoderDecoder`.

    Raises:
        UserError: For an auxiliary head, or detail crops with gaps between them; in use, for
            images, crops or steps that are no multiples of twice the output stride of the network.
    """

    seed: Tensor

    def __init__(
        self,
        *args: Any,
        scale_attention_head: dict,
        detail_crop: tuple[int, int] = (512, 512),
        detail_stride: tuple[int, int] = (256, 256),
        detail_weight: float = 0.1,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        if self.with_auxiliary_head:
            raise UserError('HRDAEncoderDecoder has one output; set auxiliary_head=None')
        check_windows(detail_crop, detail_stride, 'HRDAEncoderDecoder: detail_crop, detail_stride')
        self.scale_attention_head = self.build_head(scale_attention_head)
        self.detail_crop = detail_crop
        self.detail_stride = detail_stride
        check_range('HRDAEncoderDecoder: detail_weight', detail_weight, 0, 1)
        self.detail_weight = detail_weight
        register_seed(self)

    def outputs(self, batch: ImageBatch) -> HRDAOutputs:
        """Return the logits at input size, in training with one detail crop at a random place."""
        size = batch.images.shape[2:]
        if not self.training:
            features, fused = self.whole(batch.images)
            logits = dict(decode=self.enlarged(fused, size))
            return HRDAOutputs(**vars(batch), logits=logits, features=tuple(features))
        box = self.draw_box(*size)
        features, context, attention = self.context(batch.images)
        detail = self.logits_of(box.of(batch.images))
        stride = self.stride(batch.images, context)
        inside = torch.zeros_like(attention)
        box.of(inside, 2 * stride).fill_(1)
        placed = detail.new_zeros(*detail.shape[:2], *(side // stride for side in size))
        box.of(placed, stride).copy_(detail)
        fused = fuse(context, placed, attention * inside)
        return HRDAOutputs(
            **vars(batch),
            logits=dict(decode=self.enlarged(fused, size)),
            features=tuple(features),
            detail=self.enlarged(detail, box.of(batch.images).shape[2:]),
            box=box,
        )

    def raw_logits(self, images: Tensor) -> list[Tensor]:
        """See :class:`MultiOutputEncoderDecoder`: of the context, the attention and the detail."""
        _, *context = self.context(images)
        return [*context, self.logits_of(self.draw_box(*images.shape[2:]).of(images))]

    def supervised(self, outputs: Outputs) -> dict[str, Tensor]:
        """Return the supervised losses of the fused logits and of the detail crop's."""
        assert isinstance(outputs, HRDAOutputs) and outputs.box is not None
        assert outputs.labels is not None and outputs.detail is not None
        box, weights = outputs.box, outputs.weights
        fused = supervised_loss(self.decode_head, outputs.logits['decode'], outputs.labels, weights)
        detail = supervised_loss(
            self.decode_head,
            outputs.detail,
            box.of(outputs.labels),
            None if weights is None else box.of(weights),
        )
        return dict(decode=(1 - self.detail_weight) * fused, detail=self.detail_weight * detail)

    def draw_box(self, height: int, width: int) -> Box:
        """Draw the place of the detail crop in images of a size in pixels.

        Its offsets are multiples of twice the output stride for which the published networks were
        made (4), below the largest possible offset.
        """
        generator = next_generator(self.seed)
        sides = []
        for side, crop in zip((height, width), self.detail_crop):
            places = max((side - crop + 1) // 8, 1)
            start = 8 * int(torch.randint(places, (), generator=generator))
            sides += [start, min(start + crop, side)]
        return Box(*sides)

    def context(self, images: Tensor) -> tuple[list[Tensor], Tensor, Tensor]:
        """Return features, logits and scale attention of images at half their size."""
        half = resize(images, scale_factor=0.5, mode='bilinear', align_corners=False)
        features = self.extract_feat(autocast_layout(half))
        context = at_least_float32(self.decode_head(features))
        attention = at_least_float32(self.scale_attention_head(features)).sigmoid()
        return features, context, attention

    def logits_of(self, images: Tensor) -> Tensor:
        """Return the decode head's logits of images, at the output stride."""
        return at_least_float32(self.decode_head(self.extract_feat(autocast_layout(images))))

    def stride(self, images: Tensor, context: Tensor) -> int:
        """Return the output stride, from the logits of the context.

        Raises:
            UserError: When the images or the detail crops do not fit it.
        """
        stride = round(images.shape[2] / (2 * context.shape[2]))
        if [2 * stride * side for side in context.shape[2:]] != list(images.shape[2:]):
            raise UserError(
                f'HRDAEncoderDecoder: images of {images.shape[3]}x{images.shape[2]} (width x '
                f'height) do not fit the output stride {stride}; both sides must be multiples of '
                f'{2 * stride}: crop or resize to such a size, or let tests pad to it with '
                f'data_preprocessor.test_cfg=dict(size_divisor={2 * stride})'
            )
        if any(side % (2 * stride) for side in (*self.detail_crop, *self.detail_stride)):
            raise UserError(
                f'HRDAEncoderDecoder: detail_crop={self.detail_crop} and detail_stride='
                f'{self.detail_stride} do not fit the output stride {stride}; expected multiples '
                f'of {2 * stride}'
            )
        return stride

    def _forward(self, inputs: Tensor, data_samples: Any = None) -> Tensor:
        """Return the fused logits at the output stride of images (N, 3, H, W), whole images."""
        return self.whole(inputs)[1]

    def whole(self, inputs: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return the features of the context, and the fused logits of whole images."""
        features, context, attention = self.context(inputs)
        stride = self.stride(inputs, context)
        boxes = self.windows(*inputs.shape[2:])
        crops = self.logits_of(torch.cat([box.of(inputs) for box in boxes]))
        crops = crops.unflatten(0, (len(boxes), -1))
        height, width = (side // stride for side in inputs.shape[2:])
        total = crops.new_zeros(*crops.shape[1:3], height, width)
        count = crops.new_zeros(height, width)
        for box, logits in zip(boxes, crops):
            box.of(total, stride).add_(logits)
            box.of(count, stride).add_(1)
        return features, fuse(context, total / count, attention)

    def windows(self, height: int, width: int) -> list[Box]:
        """Return overlapping detail crops that cover images of a size in pixels."""
        boxes = []
        tops, lefts = (
            starts(side, crop, step)
            for side, crop, step in zip((height, width), self.detail_crop, self.detail_stride)
        )
        for top in tops:
            for left in lefts:
                bottom = min(top + self.detail_crop[0], height)
                boxes.append(Box(top, bottom, left, min(left + self.detail_crop[1], width)))
        return boxes

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """See mmseg: the logits at the size of the images."""
        return self.enlarged(self._forward(inputs), inputs.shape[2:])


def starts(side: int, crop: int, step: int) -> list[int]:
    """Return where crops start that cover a side, all in pixels; the last one ends with it."""
    last = max(side - crop, 0)
    return [*range(0, last, step), last]


def fuse(context: Tensor, detail: Tensor, attention: Tensor) -> Tensor:
    """Fuse logits of context and detail, (N, K, h, w) and (N, K, 2h, 2w) (HRDA).

    Returns:
        (N, K, 2h, 2w).
    """

    def doubled(maps: Tensor) -> Tensor:
        return resize(maps, scale_factor=2, mode='bilinear', align_corners=False)

    return doubled(attention) * detail + doubled((1 - attention) * context)

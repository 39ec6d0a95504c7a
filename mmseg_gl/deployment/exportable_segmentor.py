from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmseg_gl.errors import UserError
from mmseg_gl.models import HRDAEncoderDecoder, MultiOutputEncoderDecoder
from mmseg_gl.models.segmentors.hrda_encoder_decoder import starts


class ExportableSegmentor(nn.Module):
    """Prediction of a segmentor as one function of a tensor, for export and for counting.

    Normalisation, padding and sliding windows are inside. It is what a segmentor predicts for
    images that have the size of the network's input.

    Args:
        segmentor: The segmentor, in eval mode, with its data preprocessor.

    ``forward`` takes RGB images (N, 3, H, W) from 0 to 255 and returns logits (N, K, H, W), whose
    softmax gives the probabilities, and labels (N, H, W) uint8.

    Raises:
        UserError: For a data preprocessor that pads test images to a fixed size.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, segmentor: MultiOutputEncoderDecoder) -> None:
        super().__init__()
        self.segmentor = segmentor
        preprocessor: Any = segmentor.data_preprocessor
        padding = preprocessor.test_cfg or {}
        if padding.get('size'):
            raise UserError(
                'data_preprocessor.test_cfg.size cannot be exported; use size_divisor in its place'
            )
        self.divisor, self.pad_value = padding.get('size_divisor') or 1, preprocessor.pad_val
        self.rgb = preprocessor._channel_conversion  # mmseg's images are BGR
        normalise = preprocessor._enable_normalize
        mean, std = (preprocessor.mean, preprocessor.std) if normalise else (0.0, 1.0)
        self.register_buffer('mean', torch.as_tensor(mean), persistent=False)
        self.register_buffer('std', torch.as_tensor(std), persistent=False)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        height, width = images.shape[2:]
        images = images.float() if self.rgb else images.float().flip(1)
        images = (images - self.mean) / self.std
        if self.divisor > 1:
            padding = (0, -width % self.divisor, 0, -height % self.divisor)
            images = F.pad(images, padding, value=self.pad_value)
        logits = self.logits(images)[..., :height, :width]
        return logits, logits.argmax(dim=1).to(torch.uint8)

    @property
    def has_windows(self) -> bool:
        """Whether the network cuts images into windows, whose number depends on the size."""
        is_hrda = isinstance(self.segmentor, HRDAEncoderDecoder)
        return is_hrda or self.segmentor.test_cfg.get('mode') == 'slide'

    def logits(self, images: Tensor) -> Tensor:
        """Return the logits of normalised images at their size."""
        segmentor = self.segmentor
        if segmentor.test_cfg.get('mode') == 'slide':
            return self.slide(images)
        maps = segmentor(images)
        is_probability = segmentor.upsample == 'probabilities'
        maps = maps.softmax(dim=1) if is_probability else maps
        maps = segmentor.enlarged(maps, images.shape[2:])
        return log_probabilities(maps) if is_probability else maps

    def slide(self, images: Tensor) -> Tensor:
        """Return the mean logits of overlapping windows, as mmseg's ``slide_inference``.

        Its check that every pixel is in a window would read values, which no export allows.
        """
        size = images.shape[2:]
        crop, step = (self.segmentor.test_cfg[key] for key in ('crop_size', 'stride'))
        rows, columns = (starts(side, c, s) for side, c, s in zip(size, crop, step))
        total: Any = 0
        count = images.new_zeros(size)
        for top in rows:
            for left in columns:
                window = images[:, :, top : top + crop[0], left : left + crop[1]]
                height, width = window.shape[2:]
                logits = self.segmentor.enlarged(self.segmentor(window), (height, width))
                right, bottom = size[1] - left - width, size[0] - top - height
                total = total + F.pad(logits, (left, right, top, bottom))
                count[top : top + height, left : left + width] += 1
        return total / count


def log_probabilities(maps: Tensor) -> Tensor:
    """Return the logarithms of probabilities, finite also for those that are 0."""
    return maps.clamp_min(torch.finfo(maps.dtype).tiny).log()

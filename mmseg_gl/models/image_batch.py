from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from mmseg.structures import SegDataSample
from torch import Tensor


@dataclass(eq=False)
class ImageBatch:
    """Batch of images from one domain or view: the input of the segmentor.

    Attributes:
        images: Preprocessed images, (N, 3, H, W).
        samples: Data sample of each image; empty for a view.
        labels: Class indices, (N, H, W) int64, 255 for unlabelled pixels; None without labels.
        weights: Weight of each pixel in the supervised loss, (N, H, W); None means 1 everywhere.
    """

    images: Tensor
    samples: Sequence[SegDataSample] = ()
    labels: Tensor | None = None
    weights: Tensor | None = None

    @classmethod
    def from_data(cls, inputs: Tensor, data_samples: Sequence[SegDataSample]) -> ImageBatch:
        """Make a batch from preprocessed data; it has labels if all samples have labels."""
        labels = None
        if all('gt_sem_seg' in sample for sample in data_samples):
            labels = torch.stack([sample.gt_sem_seg.data.squeeze(0) for sample in data_samples])
        return cls(inputs, data_samples, labels)

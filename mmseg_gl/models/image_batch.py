from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from mmseg.structures import SegDataSample
from torch import Tensor


@dataclass(eq=False)
class ImageBatch:
    """Images of one domain, or of a view, as the network gets them.

    Attributes:
        images: Preprocessed images, (N, 3, H, W).
        samples: What the data set says of each image; empty for a view.
        labels: Class numbers, (N, H, W) int64, 255 where there is none. None without labels.
        weights: Weight of each pixel's supervised loss, (N, H, W). None: 1 everywhere.
    """

    images: Tensor
    samples: Sequence[SegDataSample] = ()
    labels: Tensor | None = None
    weights: Tensor | None = None

    @classmethod
    def from_data(cls, inputs: Tensor, data_samples: Sequence[SegDataSample]) -> ImageBatch:
        """Make a batch of what a data preprocessor returns; it has labels if all samples do."""
        labels = None
        if all('gt_sem_seg' in sample for sample in data_samples):
            labels = torch.stack([sample.gt_sem_seg.data.squeeze(0) for sample in data_samples])
        return cls(inputs, data_samples, labels)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_gl.models.normalization import Normalization

PER_IMAGE = ('images', 'samples', 'labels', 'weights', 'trusted', 'pasted')  # fields


@dataclass(eq=False)
class ImageBatch:
    """Batch of images from one domain or view: the input of the segmentor.

    Attributes:
        images: Preprocessed images, (N, 3, H, W).
        samples: Data sample of each image; empty for a view.
        labels: Class indices, (N, H, W) int64, 255 for unlabelled pixels; None without labels.
        weights: Weight of each pixel in the supervised loss, (N, H, W); None means 1 everywhere.
        trusted: Pixels whose pseudo labels may be used, (N, H, W) bool; None means all of them.
        pasted: Pixels of a view that come from the source, (N, H, W) bool; None means none.
        normalization: How colours became ``images``; None if they were not normalised.
    """

    images: Tensor
    samples: Sequence[SegDataSample] = ()
    labels: Tensor | None = None
    weights: Tensor | None = None
    trusted: Tensor | None = None
    pasted: Tensor | None = None
    normalization: Normalization | None = None

    @classmethod
    def from_data(
        cls,
        inputs: Tensor,
        data_samples: Sequence[SegDataSample],
        normalization: Normalization | None = None,
    ) -> ImageBatch:
        """Make a batch from preprocessed data.

        It has labels if all samples have labels, and ``trusted`` if all have a
        ``pseudo_label_mask``.
        """
        labels = stacked('gt_sem_seg', data_samples)
        trusted = stacked('pseudo_label_mask', data_samples, inputs.shape[2:])
        return cls(
            inputs,
            data_samples,
            labels,
            trusted=None if trusted is None else trusted == 1,
            normalization=normalization,
        )

    def image(self, index: int) -> ImageBatch:
        """Return a batch of the image of an index alone."""
        chosen: dict[str, Any] = {name: getattr(self, name) for name in PER_IMAGE}
        for name, values in chosen.items():
            chosen[name] = None if values is None else values[index : index + 1]
        return replace(self, **chosen)


def stacked(
    name: str, samples: Sequence[SegDataSample], size: Sequence[int] | None = None
) -> Tensor | None:
    """Stack a map of all samples, (N, H, W); return None unless all of them have it.

    With a size (H, W), maps are padded to it with 0 at the bottom and the right.
    """
    if not all(name in sample for sample in samples):
        return None
    maps = [sample.get(name).data.squeeze(0) for sample in samples]
    if size is not None:
        maps = [F.pad(m, (0, size[1] - m.shape[1], 0, size[0] - m.shape[0])) for m in maps]
    return torch.stack(maps)

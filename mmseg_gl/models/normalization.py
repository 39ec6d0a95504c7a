from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Normalization:
    """How a data preprocessor turned colours into the images of a batch.

    Attributes:
        mean, std: Mean and standard deviation of each channel on the scale 0..255, (3, 1, 1).
        rgb: The order of the channels is RGB; False: BGR.
    """

    mean: Tensor
    std: Tensor
    rgb: bool

    @classmethod
    def of(cls, preprocessor: Any) -> Normalization | None:
        """Return the normalization of a data preprocessor; None if it does not normalise."""
        if not getattr(preprocessor, '_enable_normalize', False):
            return None
        swaps = preprocessor._channel_conversion
        return cls(preprocessor.mean, preprocessor.std, swaps)  # the images are loaded as BGR

    def to_rgb(self, images: Tensor) -> Tensor:
        """Return the colours of images (N, 3, H, W): RGB in [0, 1] where they were valid."""
        colours = (images * self.std + self.mean) / 255
        return colours if self.rgb else colours.flip(1)

    def from_rgb(self, colours: Tensor) -> Tensor:
        """Turn RGB colours in [0, 1], (N, 3, H, W), into images; the reverse of :meth:`to_rgb`."""
        return ((colours if self.rgb else colours.flip(1)) * 255 - self.mean) / self.std

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class Prediction:
    """Prediction for one image, at the image's own size.

    Attributes:
        labels: Class of each pixel, (H, W) uint8: an index into the predictor's ``classes``.
        palette: Colour of each class, (K, 3) uint8 RGB.
        probabilities: Of each class and pixel, (K, H, W) float32; None unless asked for.
        path: The image file; None for an array.
    """

    labels: np.ndarray = field(repr=False)
    palette: np.ndarray = field(repr=False)
    probabilities: np.ndarray | None = field(default=None, repr=False)
    path: str | None = None

    def colours(self) -> np.ndarray:
        """Return the labels in the colours of their classes, (H, W, 3) uint8 RGB."""
        return self.palette[self.labels]

"""Canvas, style and random generator, as drawing functions need them."""

from dataclasses import dataclass

import numpy as np

from mmseg_gl.street_scenes.canvas import Canvas
from mmseg_gl.street_scenes.materials import Material
from mmseg_gl.street_scenes.style import Style


@dataclass(frozen=True)
class Painter:
    """A canvas, the style to paint in, and the source of all randomness."""

    canvas: Canvas
    style: Style
    rng: np.random.Generator

    def colour(self, material: Material, mode: int | None = None) -> np.ndarray:
        """Draw an RGB colour, shape (3,), 0 to 1, for an object of this material."""
        return self.style.palette[material].sample(self.rng, mode)

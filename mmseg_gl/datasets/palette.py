"""Colours of classes, and default ones for classes without a palette."""

import colorsys
from collections.abc import Sequence

import numpy as np
from PIL import Image

GOLDEN_RATIO = 0.618034  # steps of it spread hues evenly, however many there are
# Pairs of saturation and value, used in turn. Of several pairs and orders that were tried, these
# keep the colours of 10, 19 and 30 classes furthest apart in RGB.
SHADES = ((1.0, 0.75), (0.45, 0.85), (0.85, 0.95), (0.9, 0.6), (0.25, 1.0), (0.5, 0.55))


def palette_image(pixels: np.ndarray, palette: np.ndarray) -> Image.Image:
    """Return pixels, (H, W) uint8, as an image with a palette, (256, 3) uint8 RGB."""
    image = Image.fromarray(pixels)
    image.putpalette(palette.tobytes())
    return image


def default_palette(num_classes: int) -> list[list[int]]:
    """Return distinct colours, always the same; none is black, which marks ignored pixels.

    Args:
        num_classes: K.

    Returns:
        K times RGB, 0..255.
    """
    return [
        [round(255 * channel) for channel in colorsys.hsv_to_rgb(i * GOLDEN_RATIO % 1, *shade)]
        for i, shade in ((i, SHADES[i % len(SHADES)]) for i in range(num_classes))
    ]


def palette_of(classes: Sequence[str], metainfo: dict) -> list[list[int]]:
    """Return the colours of classes in ``metainfo``, or default ones if it lacks one of them.

    Args:
        classes: K names.
        metainfo: ``classes`` and ``palette`` of a data set, or empty.

    Returns:
        K times RGB, 0..255.
    """
    colours = dict(zip(metainfo.get('classes', ()), metainfo.get('palette', ())))
    if set(classes) <= set(colours):
        return [list(colours[name]) for name in classes]
    return default_palette(len(classes))

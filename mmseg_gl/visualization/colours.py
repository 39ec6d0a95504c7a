"""Colours of labels, and of maps with values from 0 to 1."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np


@dataclass(frozen=True)
class Scale:
    """Colour map of values from 0 to 1.

    Attributes:
        low, high: What the values 0 and 1 are called.
        colours: RGB of 0 and of 1, and of even steps between; or the number of a map of OpenCV.
    """

    low: str
    high: str
    colours: tuple[tuple[int, int, int], ...] | int


ENTROPY = Scale('0', '1', cv2.COLORMAP_INFERNO)
WEIGHT = Scale('0', '1', ((0, 0, 0), (255, 255, 255)))
DOMAIN = Scale('target', 'source', ((38, 94, 178), (226, 226, 226), (190, 48, 40)))


@cache
def colour_table(scale: Scale) -> np.ndarray:
    """Return the RGB colours of the values 0, 1/255, ..., 1, (256, 3) uint8."""
    steps = np.arange(256, dtype=np.uint8)
    if isinstance(scale.colours, int):
        return cv2.applyColorMap(steps[:, None], scale.colours)[:, 0, ::-1]
    places = np.linspace(0, 255, len(scale.colours))
    channels = [np.interp(steps, places, channel) for channel in zip(*scale.colours)]
    return np.stack(channels, axis=1).round().astype(np.uint8)


def colour_map(values: np.ndarray, scale: Scale) -> np.ndarray:
    """Return the RGB colours of values in [0, 1], (H, W); others count as the nearest of these."""
    return colour_table(scale)[(values.clip(0, 1) * 255).round().astype(np.uint8)]


def label_table(palette: Sequence[Sequence[int]]) -> np.ndarray:
    """Return the RGB colour of each label, (256, 3) uint8; black for labels that are no class."""
    table = np.zeros((256, 3), np.uint8)
    table[: len(palette)] = palette
    return table


def overlay(image: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Return the mean of an image and of the colours of its labels; black leaves the image.

    Args:
        image, colours: RGB, (H, W, 3) uint8.
    """
    mixed = cv2.addWeighted(image, 0.5, colours, 0.5, 0)
    return np.where(colours.any(axis=2, keepdims=True), mixed, image)

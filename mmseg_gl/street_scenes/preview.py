"""A picture that shows both domains at a glance."""

import numpy as np

from mmseg_gl.street_scenes.config import StreetScenesConfig
from mmseg_gl.street_scenes.materials import PALETTE
from mmseg_gl.street_scenes.render import Split, render

COLUMNS = 4
SCALE = 2


def preview(config: StreetScenesConfig) -> np.ndarray:
    """Make a montage: images of the source, their labels, images of the target, their labels.

    Returns:
        uint8 RGB, shape (8 * height, 8 * width, 3): four rows of four pictures at twice their size.
    """
    rows = []
    for split in (Split.SOURCE, Split.TARGET_TRAIN):
        images, labels = zip(*(render(config, split, i) for i in range(COLUMNS)), strict=True)
        rows.append(np.concatenate(images, axis=1))
        rows.append(PALETTE[np.concatenate(labels, axis=1)])
    return np.concatenate(rows).repeat(SCALE, axis=0).repeat(SCALE, axis=1)

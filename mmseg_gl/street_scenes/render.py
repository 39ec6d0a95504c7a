"""Makes one image of the benchmark."""

from enum import IntEnum

import numpy as np

from mmseg_gl.street_scenes.camera import photograph
from mmseg_gl.street_scenes.canvas import Canvas
from mmseg_gl.street_scenes.config import StreetScenesConfig
from mmseg_gl.street_scenes.painter import Painter
from mmseg_gl.street_scenes.scene import Scene
from mmseg_gl.street_scenes.style import source_style, target_style


class Split(IntEnum):
    """The sets of images. The values are part of the images' seeds."""

    SOURCE = 0
    TARGET_TRAIN = 1
    TARGET_VAL = 2


def render(config: StreetScenesConfig, split: Split, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Make an image from the settings, its split and its index alone.

    Scene, clutter and camera draw from random streams of their own: with other clutter the rest of
    the scene stays the same.

    Args:
        config: the settings.
        split: which set of images.
        index: of the image in its set, from 0.

    Returns:
        The image, uint8 RGB of shape (height, width, 3), and the labels, uint8 values of
        :class:`Material` of shape (height, width).
    """
    style = source_style(config) if split is Split.SOURCE else target_style(config)
    rng = np.random.default_rng([config.seed, split, index])
    clutter_rng, camera_rng = rng.spawn(2)
    canvas = Canvas(
        height=config.height,
        width=config.width,
        horizon=style.layout.horizon + rng.normal(0, 0.02),
        vanishing_column=0.5 + rng.normal(0, 0.06),
        camera_height=style.layout.camera_height * rng.uniform(0.9, 1.1),
    )
    scene = Scene(
        painter=Painter(canvas, style, rng),
        clutter_painter=Painter(canvas, style, clutter_rng),
        clutter_kind=config.clutter,
    )
    scene.draw()
    return photograph(Painter(canvas, style, camera_rng))

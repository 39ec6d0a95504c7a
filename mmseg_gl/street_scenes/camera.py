"""Turns a painted canvas into a photograph."""

import cv2
import numpy as np

from mmseg_gl.street_scenes.canvas import SUPERSAMPLING, Canvas
from mmseg_gl.street_scenes.materials import Material
from mmseg_gl.street_scenes.painter import Painter
from mmseg_gl.street_scenes.style import Camera

AIR = np.array((0.80, 0.82, 0.84), np.float32)
VISIBILITY_LIMIT = 120.0


def photograph(painter: Painter) -> tuple[np.ndarray, np.ndarray]:
    """Take the final image of the painter's canvas.

    Returns:
        The image, uint8 RGB of shape (height, width, 3), and the labels, uint8 values of
        :class:`Material` of shape (height, width).
    """
    canvas, camera, rng = painter.canvas, painter.style.camera, painter.rng
    image = canvas.image * (1 + _texture(painter))[..., None]
    image = _through_haze(image, canvas, camera.haze * rng.uniform(0.6, 1.4))
    rows, columns = canvas.labels.shape
    size = (columns // SUPERSAMPLING, rows // SUPERSAMPLING)
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    image = _expose(image, camera, rng)
    image = cv2.GaussianBlur(image, (0, 0), camera.blur)
    image = image + camera.noise * rng.standard_normal(image.shape, dtype=np.float32)
    first = SUPERSAMPLING // 2
    labels = canvas.labels[first::SUPERSAMPLING, first::SUPERSAMPLING]
    return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8), np.ascontiguousarray(labels)


def _texture(painter: Painter) -> np.ndarray:
    """Relative brightness noise on three scales, as strong as each pixel's material wants it."""
    rows, columns = painter.canvas.labels.shape

    def noise(cell: int, interpolation: int) -> np.ndarray:
        grid = painter.rng.standard_normal((rows // cell, columns // cell), dtype=np.float32)
        return cv2.resize(grid, (columns, rows), interpolation=interpolation)

    amplitude = np.zeros(256, np.float32)
    for material, colours in painter.style.palette.items():
        amplitude[material] = colours.texture
    return amplitude[painter.canvas.labels] * (
        0.5 * noise(1, cv2.INTER_NEAREST)
        + 0.9 * noise(4, cv2.INTER_LINEAR)
        + 0.6 * noise(16, cv2.INTER_CUBIC)
    )


def _through_haze(image: np.ndarray, canvas: Canvas, extinction: float) -> np.ndarray:
    """Blend everything but the sky with the air in front of it."""
    optical_depth = np.float32(extinction) * np.minimum(canvas.distance, VISIBILITY_LIMIT)
    transmission = np.exp(-optical_depth)
    transmission[canvas.labels == Material.SKY] = 1
    transmission = transmission[..., None]
    return image * transmission + AIR * (1 - transmission)


def _expose(image: np.ndarray, camera: Camera, rng: np.random.Generator) -> np.ndarray:
    """Apply gain, colour cast, vignetting, contrast and gamma."""
    rows, columns = image.shape[:2]
    gain = camera.gain * np.exp(rng.normal(0, camera.gain_spread))
    image = image * (gain * np.array((camera.red, camera.green, camera.blue))).astype(np.float32)
    y, x = np.linspace(-1, 1, rows)[:, None], np.linspace(-1, 1, columns)
    image *= (1 - camera.vignetting * (x**2 + y**2) / 2).astype(np.float32)[..., None]
    image = (image - 0.5) * camera.contrast + 0.5
    return np.clip(image, 0, 1) ** camera.gamma

"""A picture that is painted from back to front in street coordinates."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from mmseg_gl.street_scenes.materials import Material

SUPERSAMPLING = 2
FOCAL_LENGTH = 0.78
DISTANCE_OF_SKY = 200.0
SUBPIXEL_BITS = 2
OUTSIDE_LIMIT = 10.4

Colour = np.ndarray | Sequence[float]
Point = tuple[float, float]


class Canvas:
    """Colours, materials and distances of the pixels, at twice the final resolution.

    Street coordinates are in metres: x to the right of the camera, y above the road, z ahead of the
    camera. Colours are RGB, 0 to 1. Where a material is given it becomes the pixel's label and the
    distance is kept; without one only the colour changes, as for the windows of a building.

    Attributes:
        image: float32 RGB, shape (2 * height, 2 * width, 3), 0 to 1.
        labels: uint8 values of :class:`Material`, shape (2 * height, 2 * width).
        distance: float32 metres, shape (2 * height, 2 * width).
        focal_length: in canvas pixels.
        horizon: row of the horizon, in canvas pixels.
        camera_height: in metres.
    """

    def __init__(
        self, height: int, width: int, horizon: float, vanishing_column: float, camera_height: float
    ) -> None:
        """Make an empty canvas.

        Args:
            height: of the final image, in pixels.
            width: of the final image, in pixels.
            horizon: row of the horizon as a share of the height.
            vanishing_column: column of the street's vanishing point as a share of the width.
            camera_height: in metres.
        """
        rows, columns = SUPERSAMPLING * height, SUPERSAMPLING * width
        self.image = np.zeros((rows, columns, 3), np.float32)
        self.labels = np.zeros((rows, columns), np.uint8)
        self.distance = np.full((rows, columns), DISTANCE_OF_SKY, np.float32)
        self.focal_length = FOCAL_LENGTH * columns
        self.horizon = horizon * rows
        self.camera_height = camera_height
        self._vanishing_column = vanishing_column * columns
        self._limit = OUTSIDE_LIMIT * max(rows, columns)

    def nearest_ground(self) -> float:
        """Distance of the ground at the lower edge of the image, in metres."""
        return self.focal_length * self.camera_height / (len(self.labels) - self.horizon)

    def project(self, x: float, y: float, z: float) -> Point:
        """Column and row, in canvas pixels, of a point in the street."""
        scale = self.focal_length / z
        return self._vanishing_column + scale * x, self.horizon + scale * (self.camera_height - y)

    def polygon(
        self,
        corners: Sequence[tuple[float, float, float]],
        colour: Colour,
        material: Material | None = None,
        distance: float | None = None,
    ) -> None:
        """Fill the polygon with these street coordinates (x, y, z)."""
        self._fill([self.project(*corner) for corner in corners], colour, material, distance)

    def rectangle(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        z: float,
        colour: Colour,
        material: Material | None = None,
    ) -> None:
        """Fill a rectangle that faces the camera."""
        corners = [(x[0], y[0], z), (x[1], y[0], z), (x[1], y[1], z), (x[0], y[1], z)]
        self.polygon(corners, colour, material, z)

    def wall(
        self,
        x: float,
        y: tuple[float, float],
        z: tuple[float, float],
        colour: Colour,
        material: Material | None = None,
        distance: float | None = None,
    ) -> None:
        """Fill a rectangle that stands along the street."""
        corners = [(x, y[0], z[0]), (x, y[0], z[1]), (x, y[1], z[1]), (x, y[1], z[0])]
        self.polygon(corners, colour, material, distance)

    def floor(
        self,
        x: tuple[float, float],
        z: tuple[float, float],
        colour: Colour,
        material: Material | None = None,
    ) -> None:
        """Fill a rectangle that lies on the ground; the ground's distances stay."""
        corners = [(x[0], 0, z[0]), (x[1], 0, z[0]), (x[1], 0, z[1]), (x[0], 0, z[1])]
        self.polygon(corners, colour, material)

    def ellipse(
        self,
        centre: tuple[float, float, float],
        radii: tuple[float, float],
        colour: Colour,
        material: Material | None = None,
    ) -> None:
        """Fill an ellipse that faces the camera, radii in metres."""
        x, y, z = centre
        angles = np.linspace(0, 2 * np.pi, 14, endpoint=False)
        corners = [(x + radii[0] * np.cos(a), y + radii[1] * np.sin(a), z) for a in angles]
        self.polygon(corners, colour, material, z)

    def textured(
        self,
        centre: tuple[float, float, float],
        outline: np.ndarray,
        texture: Callable[[np.ndarray, np.ndarray], np.ndarray],
        material: Material,
    ) -> None:
        """Fill a textured shape that faces the camera.

        Args:
            centre: x, y and z in metres.
            outline: corners relative to the centre, shape (N, 2), metres.
            texture: takes the x and y of P pixels relative to the centre, in metres, each of shape
                (P,), and returns their RGB, shape (P, 3).
            material: the label.
        """
        x, y, z = centre
        mask = self._mask([self.project(x + dx, y + dy, z) for dx, dy in outline])
        rows, columns = np.nonzero(mask)
        centre_column, centre_row = self.project(x, y, z)
        scale = z / self.focal_length
        self.image[rows, columns] = texture(
            (columns - centre_column) * scale, (centre_row - rows) * scale
        )
        self.labels[rows, columns] = material
        self.distance[rows, columns] = z

    def darken_floor(
        self, x: tuple[float, float], z: tuple[float, float], brightness: float
    ) -> None:
        """Multiply the brightness of a rectangle on the ground."""
        corners = [(x[0], 0, z[0]), (x[1], 0, z[0]), (x[1], 0, z[1]), (x[0], 0, z[1])]
        mask = self._mask([self.project(*corner) for corner in corners])
        self.image[mask > 0] *= brightness

    def _fill(
        self,
        points: Sequence[Point],
        colour: Colour,
        material: Material | None,
        distance: float | None,
    ) -> None:
        corners = [self._fixed_point(points)]
        cv2.fillPoly(self.image, corners, tuple(map(float, colour)), shift=SUBPIXEL_BITS)
        if material is None:
            return
        cv2.fillPoly(self.labels, corners, int(material), shift=SUBPIXEL_BITS)
        if distance is not None:
            cv2.fillPoly(self.distance, corners, float(distance), shift=SUBPIXEL_BITS)

    def _mask(self, points: Sequence[Point]) -> np.ndarray:
        mask = np.zeros(self.labels.shape, np.uint8)
        cv2.fillPoly(mask, [self._fixed_point(points)], 1, shift=SUBPIXEL_BITS)
        return mask

    def _fixed_point(self, points: Sequence[Point]) -> np.ndarray:
        clipped = np.clip(np.array(points), -self._limit, self._limit)
        return np.round(clipped * 2**SUBPIXEL_BITS).astype(np.int32)

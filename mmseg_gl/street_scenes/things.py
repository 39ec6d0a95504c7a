"""Drawing functions of the labelled things along a street. Lengths are in metres."""

import numpy as np

from mmseg_gl.street_scenes.materials import Material
from mmseg_gl.street_scenes.painter import Painter

TRUNK = (0.28, 0.22, 0.16)
WHITE = (0.9, 0.9, 0.9)
GLASS = (0.12, 0.15, 0.19)
TYRE = (0.06, 0.06, 0.06)
TAIL_LIGHT = (0.80, 0.15, 0.12)
SKIN = np.array((0.75, 0.56, 0.45))
LAMPS = ((0.9, 0.1, 0.1), (0.9, 0.7, 0.1), (0.1, 0.9, 0.4))
WINDOW_TINT = np.array((0.02, 0.04, 0.08))


def draw_building(
    painter: Painter,
    x: float,
    side: int,
    z: tuple[float, float],
    height: float,
    colour: np.ndarray,
    light: float,
) -> None:
    """Draw a building with windows.

    Args:
        painter: what to draw with.
        x: of the facade along the street.
        side: -1 left or 1 right of the street.
        z: where the facade begins and ends.
        height: of the building.
        colour: RGB, shape (3,), 0 to 1.
        light: brightness factor of the facade.
    """
    canvas = painter.canvas
    near, far = z
    canvas.rectangle((x, x + side * 14), (-0.1, height), near, colour * 0.85, Material.BUILDING)
    facade = np.clip(colour * light, 0, 1)
    canvas.wall(x, (0, height), z, facade, Material.BUILDING, distance=near * 1.3)
    if near >= 45:
        return
    window = np.clip(colour * 0.45 + WINDOW_TINT, 0, 1)
    windows = max(2, int((far - near) / 2.6))
    pitch = (far - near) / windows
    for floor in np.arange(1.2, height - 1.5, 2.9):
        for start in near + pitch * np.arange(windows):
            canvas.wall(
                x, (floor, floor + 1.5), (start + 0.25 * pitch, start + 0.75 * pitch), window
            )
        for left in x + side * np.array((2.0, 6.0, 10.0)):
            canvas.rectangle((left, left + side * 1.4), (floor, floor + 1.5), near, window * 0.9)


def draw_tree(painter: Painter, x: float, z: float) -> None:
    """Draw a tree, at times with a bush at its foot."""
    canvas, rng = painter.canvas, painter.rng
    colour = painter.colour(Material.VEGETATION)
    height = rng.uniform(3.5, 7.5)
    canvas.rectangle((x - 0.15, x + 0.15), (0, height * 0.5), z, TRUNK, Material.VEGETATION)
    for _ in range(5):
        centre = (x + rng.normal(0, 0.7), height * rng.uniform(0.55, 0.85), z)
        radii = (rng.uniform(0.9, 1.7), rng.uniform(0.9, 1.6))
        leaves = np.clip(colour * rng.uniform(0.8, 1.2), 0, 1)
        canvas.ellipse(centre, radii, leaves, Material.VEGETATION)
    if rng.uniform() < 0.3:
        canvas.ellipse((x, 0.4, z), (1.6, 0.8), colour, Material.VEGETATION)


def draw_fence(painter: Painter, x: float, z: tuple[float, float]) -> None:
    """Draw a fence of boards along the street."""
    colour = painter.colour(Material.FENCE)
    height = painter.rng.uniform(1.1, 1.7)
    painter.canvas.wall(x, (0, height), z, colour, Material.FENCE, distance=z[0])
    for start in np.arange(*z, 0.7):
        painter.canvas.wall(x, (0.1, height - 0.1), (start, start + 0.3), colour * 0.62)


def draw_pole(painter: Painter, x: float, z: float, side: int) -> None:
    """Draw a lamp post, a traffic sign or a traffic light."""
    canvas, rng = painter.canvas, painter.rng
    colour = painter.colour(Material.POLE)
    kind = rng.choice(('lamp', 'sign', 'light'), p=(0.30, 0.35, 0.35))
    height = rng.uniform(5, 8) if kind == 'lamp' else rng.uniform(2.8, 3.8)
    half_width = rng.uniform(0.09, 0.14)
    canvas.rectangle((x - half_width, x + half_width), (0, height), z, colour, Material.POLE)
    if kind == 'lamp':
        canvas.rectangle((x, x - side * 1.8), (height - 0.15, height), z, colour, Material.POLE)
    elif kind == 'sign':
        _draw_sign(painter, x, height, z)
    else:
        _draw_traffic_light(painter, x, height, z)


def _draw_sign(painter: Painter, x: float, y: float, z: float) -> None:
    canvas = painter.canvas
    size = painter.rng.uniform(0.38, 0.60)
    colour = painter.colour(Material.TRAFFIC_SIGN)
    if painter.rng.uniform() < 0.5:
        canvas.ellipse((x, y, z), (size, size), colour, Material.TRAFFIC_SIGN)
        canvas.ellipse((x, y, z), (size * 0.55, size * 0.55), WHITE)
    else:
        extent_x, extent_y = (x - size, x + size), (y - size, y + size)
        canvas.rectangle(extent_x, extent_y, z, colour, Material.TRAFFIC_SIGN)
        canvas.rectangle((x - size * 0.7, x + size * 0.7), (y - 0.15, y + 0.15), z, WHITE)


def _draw_traffic_light(painter: Painter, x: float, y: float, z: float) -> None:
    canvas = painter.canvas
    housing = painter.colour(Material.TRAFFIC_LIGHT)
    canvas.rectangle((x - 0.26, x + 0.26), (y - 0.6, y + 0.6), z, housing, Material.TRAFFIC_LIGHT)
    lamp = painter.rng.integers(3)
    canvas.ellipse((x, y + 0.38 - 0.38 * lamp, z), (0.15, 0.15), LAMPS[lamp])


def draw_person(painter: Painter, x: float, z: float) -> None:
    """Draw a standing person."""
    canvas, rng = painter.canvas, painter.rng
    height = rng.uniform(1.55, 1.90)
    coat = painter.colour(Material.PERSON)
    trousers = painter.colour(Material.PERSON) * 0.8
    for leg in ((x - 0.20, x - 0.03), (x + 0.03, x + 0.22)):
        canvas.rectangle(leg, (0, height * 0.48), z, trousers, Material.PERSON)
    torso = (height * 0.42, height * 0.84)
    canvas.rectangle((x - 0.27, x + 0.27), torso, z, coat, Material.PERSON)
    skin = SKIN * rng.uniform(0.5, 1.1)
    canvas.ellipse((x, height * 0.92, z), (0.15, 0.18), skin, Material.PERSON)


def draw_car(painter: Painter, x: float, z: float) -> None:
    """Draw a car from behind, with its sides and shadow."""
    canvas, rng = painter.canvas, painter.rng
    colour = painter.colour(Material.CAR)
    half, height, length = rng.uniform(0.80, 0.95), rng.uniform(1.35, 1.70), 3.8
    belt = height * 0.62
    _draw_shadow(painter, x, z, half + 0.15)
    for side in (-1, 1):
        x_side = x + side * half
        canvas.wall(x_side, (0.3, belt), (z, z + length), colour * 0.8, Material.CAR, distance=z)
    cabin = [
        (x - half * 0.95, height * 0.55, z),
        (x - half * 0.75, height, z + 0.5),
        (x + half * 0.75, height, z + 0.5),
        (x + half * 0.95, height * 0.55, z),
    ]
    canvas.polygon(cabin, colour, Material.CAR, distance=z)
    canvas.rectangle((x - half, x + half), (0.28, belt), z, colour, Material.CAR)
    window = [
        (x - half * 0.80, belt, z),
        (x - half * 0.66, height * 0.93, z),
        (x + half * 0.66, height * 0.93, z),
        (x + half * 0.80, belt, z),
    ]
    canvas.polygon(window, GLASS)
    for side in (-1, 1):
        outer = x + side * half * 0.95
        canvas.rectangle((outer, x + side * half * 0.60), (0, 0.34), z, TYRE, Material.CAR)
        lights = (outer, x + side * half * 0.62)
        canvas.rectangle(lights, (height * 0.42, height * 0.54), z, TAIL_LIGHT, Material.CAR)


def draw_bus(painter: Painter, x: float, z: float) -> None:
    """Draw a bus from behind, with its sides and shadow."""
    canvas = painter.canvas
    colour = painter.colour(Material.BUS)
    half, height, length = 1.25, painter.rng.uniform(2.8, 3.3), 9.0
    _draw_shadow(painter, x, z, half + 0.2)
    for side in (-1, 1):
        x_side = x + side * half
        canvas.wall(x_side, (0.3, height), (z, z + length), colour * 0.8, Material.BUS, distance=z)
    canvas.rectangle((x - half, x + half), (0.3, height), z, colour, Material.BUS)
    window = (x - half * 0.85, x + half * 0.85)
    canvas.rectangle(window, (height * 0.45, height * 0.82), z, GLASS)
    for side in (-1, 1):
        tyre = (x + side * half * 0.95, x + side * half * 0.60)
        canvas.rectangle(tyre, (0, 0.4), z, TYRE, Material.BUS)


def _draw_shadow(painter: Painter, x: float, z: float, half_width: float) -> None:
    painter.canvas.darken_floor(
        (x - half_width, x + half_width), (z - 0.3, z + 2), painter.style.camera.shadow
    )

"""Drawing functions of the unlabelled objects. Lengths are in metres."""

import numpy as np

from mmseg_gl.street_scenes.appearance import hsv_to_rgb
from mmseg_gl.street_scenes.materials import Material
from mmseg_gl.street_scenes.painter import Painter

ALIEN_SHAPES = ('ellipse', 'box', 'triangle', 'star', 'cross', 'blob')
ALIEN_TEXTURES = ('stripes', 'checks', 'rings', 'dots', 'shading', 'speckles')


def draw_street_clutter(painter: Painter, x: float, z: float) -> None:
    """Draw a bin, a bench, a kiosk or a billboard."""
    draw = (_draw_bin, _draw_bench, _draw_kiosk, _draw_billboard)[painter.rng.integers(4)]
    draw(painter, x, z)


def _draw_bin(painter: Painter, x: float, z: float) -> None:
    height = painter.rng.uniform(0.9, 1.3)
    colour = painter.colour(Material.CLUTTER)
    painter.canvas.rectangle((x - 0.35, x + 0.35), (0, height), z, colour, Material.CLUTTER)


def _draw_bench(painter: Painter, x: float, z: float) -> None:
    colour = painter.colour(Material.CLUTTER)
    painter.canvas.rectangle((x - 1, x + 1), (0.35, 0.5), z, colour, Material.CLUTTER)
    for leg in ((x - 0.90, x - 0.75), (x + 0.75, x + 0.90)):
        painter.canvas.rectangle(leg, (0, 0.4), z, colour * 0.6, Material.CLUTTER)


def _draw_kiosk(painter: Painter, x: float, z: float) -> None:
    half, height = painter.rng.uniform(0.7, 1.6), painter.rng.uniform(1.5, 2.8)
    extent = (x - half, x + half)
    colour = painter.colour(Material.CLUTTER)
    painter.canvas.rectangle(extent, (0, height), z, colour, Material.CLUTTER)
    stripe = painter.colour(Material.CLUTTER)
    for y in np.arange(0.2, height, 0.6):
        painter.canvas.rectangle(extent, (y, y + 0.25), z, stripe)


def _draw_billboard(painter: Painter, x: float, z: float) -> None:
    colour = painter.colour(Material.CLUTTER)
    y, half = painter.rng.uniform(2.2, 3.4), painter.rng.uniform(0.8, 1.5)
    board = (y, y + painter.rng.uniform(0.8, 1.6))
    painter.canvas.rectangle((x - 0.08, x + 0.08), (0, y), z, colour * 0.5, Material.CLUTTER)
    painter.canvas.rectangle((x - half, x + half), board, z, colour, Material.CLUTTER)


def draw_overpass(painter: Painter, y: float, z: float) -> None:
    """Draw a bridge over the whole street."""
    deck = (y, y + painter.rng.uniform(1.2, 2.5))
    colour = painter.colour(Material.CLUTTER)
    painter.canvas.rectangle((-60, 60), deck, z, colour, Material.CLUTTER)


def draw_alien_clutter(painter: Painter, x: float, z: float) -> None:
    """Draw a large thing of any shape, colour and texture, standing or floating."""
    rng = painter.rng
    radii = rng.uniform(0.7, 2.2, size=2)
    outline = _alien_outline(rng) * radii
    y = radii[1] if rng.uniform() < 0.6 else rng.uniform(2.0, 8.0)
    colours = [
        hsv_to_rgb(rng.uniform(0, 180), rng.uniform(0.4, 1.0), rng.uniform(0.25, 1.0))
        for _ in range(2)
    ]
    texture = rng.choice(ALIEN_TEXTURES)
    angle = rng.uniform(0, np.pi)
    period = rng.uniform(0.4, 1.2)
    pixel_rng = rng.spawn(1)[0]

    def paint(dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
        along = (dx * np.cos(angle) + dy * np.sin(angle)) / period
        across = (dy * np.cos(angle) - dx * np.sin(angle)) / period
        weight = _alien_pattern(texture, along, across, pixel_rng)[:, None]
        return colours[0] * (1 - weight) + colours[1] * weight

    painter.canvas.textured((x, y, z), outline, paint, Material.CLUTTER)


def _alien_outline(rng: np.random.Generator) -> np.ndarray:
    """Draw a closed outline around the origin, shape (N, 2), within about -1 to 1."""
    shape = rng.choice(ALIEN_SHAPES)
    if shape == 'box':
        return np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], float)
    if shape == 'triangle':
        return np.array([(-1, -1), (1, -1), (rng.uniform(-1, 1), 1)], float)
    if shape == 'cross':
        arm = [(0.35, 0.35), (0.35, 1), (-0.35, 1)]
        turns = ((1, 0, 0, 1), (0, -1, 1, 0), (-1, 0, 0, -1), (0, 1, -1, 0))
        return np.array([(a * x + b * y, c * x + d * y) for a, b, c, d in turns for x, y in arm])
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    radius = np.ones(40)
    if shape == 'star':
        spikes = rng.integers(4, 9)
        angles = np.linspace(0, 2 * np.pi, 2 * spikes, endpoint=False)
        radius = np.tile((1.0, 0.5), spikes)
    elif shape == 'blob':
        for waves in (2, 3, 5):
            radius += rng.uniform(0, 0.25) * np.sin(waves * angles + rng.uniform(0, 2 * np.pi))
    return np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1)


def _alien_pattern(
    texture: str, along: np.ndarray, across: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Weight of the second colour, 0 to 1, shape (P,), at P pixels measured in periods."""
    if texture == 'stripes':
        return np.floor(along) % 2
    if texture == 'checks':
        return (np.floor(along) + np.floor(across)) % 2
    if texture == 'rings':
        return np.floor(2 * np.hypot(along, across)) % 2
    if texture == 'dots':
        return (np.hypot(along % 1 - 0.5, across % 1 - 0.5) < 0.3).astype(float)
    if texture == 'shading':
        return np.clip(0.5 + 0.3 * along, 0, 1)
    return rng.uniform(size=along.shape)

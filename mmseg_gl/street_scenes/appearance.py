"""Colours and textures of the two domains."""

import colorsys
from dataclasses import dataclass

import numpy as np

from mmseg_gl.street_scenes.materials import Material

HUE_RANGE = 180.0


def hsv_to_rgb(hue: float, saturation: float, value: float) -> np.ndarray:
    """Convert a colour.

    Args:
        hue: any number, with a period of 180.
        saturation: clipped to 0..1.
        value: clipped to 0..1.

    Returns:
        RGB, shape (3,), 0 to 1.
    """
    saturation, value = np.clip((saturation, value), 0.0, 1.0)
    return np.array(colorsys.hsv_to_rgb((hue / HUE_RANGE) % 1.0, saturation, value))


@dataclass(frozen=True)
class MaterialColours:
    """How a material is coloured.

    Attributes:
        modes: two HSV means, hue 0 to 180, saturation and value 0 to 1; an object takes one.
        spread: standard deviation of an object's colour in H, S and V.
        texture: amplitude of the relative brightness noise within an object.
    """

    modes: tuple[tuple[float, float, float], ...]
    spread: tuple[float, ...] = (4, 0.06, 0.06)
    texture: float = 0.05

    def sample(self, rng: np.random.Generator, mode: int | None = None) -> np.ndarray:
        """Draw an object's RGB colour, shape (3,), 0 to 1, of the given mode or of any."""
        mean = self.modes[rng.integers(2) if mode is None else mode]
        return hsv_to_rgb(*(np.array(mean) + rng.normal(size=3) * self.spread))

    def towards(self, other: 'MaterialColours', gap: float) -> 'MaterialColours':
        """Interpolate to ``other`` (gap 1), the hue along the shorter arc."""
        return MaterialColours(
            modes=tuple(
                (
                    a[0] + gap * ((b[0] - a[0] + HUE_RANGE / 2) % HUE_RANGE - HUE_RANGE / 2),
                    a[1] + gap * (b[1] - a[1]),
                    a[2] + gap * (b[2] - a[2]),
                )
                for a, b in zip(self.modes, other.modes, strict=True)
            ),
            spread=tuple(a + gap * (b - a) for a, b in zip(self.spread, other.spread, strict=True)),
            texture=self.texture + gap * (other.texture - self.texture),
        )


Palette = dict[Material, MaterialColours]

SOURCE_PALETTE: Palette = {
    Material.ROAD: MaterialColours(((110, 0.10, 0.36), (100, 0.08, 0.30)), texture=0.03),
    Material.SIDEWALK: MaterialColours(((18, 0.18, 0.66), (20, 0.12, 0.60)), texture=0.03),
    Material.BUILDING: MaterialColours(
        ((15, 0.42, 0.72), (8, 0.50, 0.58)), spread=(9, 0.12, 0.11), texture=0.04
    ),
    Material.FENCE: MaterialColours(((14, 0.45, 0.42), (20, 0.25, 0.75)), texture=0.06),
    Material.POLE: MaterialColours(((110, 0.08, 0.25), (110, 0.05, 0.40)), texture=0.02),
    Material.TRAFFIC_LIGHT: MaterialColours(((24, 0.75, 0.70), (24, 0.70, 0.60)), texture=0.02),
    Material.TRAFFIC_SIGN: MaterialColours(
        ((65, 0.80, 0.50), (0, 0.80, 0.75)), spread=(5, 0.08, 0.08), texture=0.02
    ),
    Material.VEGETATION: MaterialColours(((38, 0.65, 0.42), (44, 0.60, 0.34)), texture=0.16),
    Material.TERRAIN: MaterialColours(((26, 0.52, 0.58), (32, 0.48, 0.52)), texture=0.09),
    Material.SKY: MaterialColours(
        ((106, 0.52, 0.92), (104, 0.38, 0.95)), spread=(2, 0.06, 0.03), texture=0.015
    ),
    Material.PERSON: MaterialColours(
        ((5, 0.55, 0.60), (115, 0.60, 0.50)), spread=(25, 0.15, 0.15), texture=0.04
    ),
    Material.CAR: MaterialColours(
        ((2, 0.75, 0.65), (112, 0.70, 0.60)), spread=(12, 0.12, 0.15), texture=0.02
    ),
    Material.BUS: MaterialColours(
        ((24, 0.75, 0.85), (100, 0.10, 0.90)), spread=(4, 0.08, 0.06), texture=0.02
    ),
    Material.CLUTTER: MaterialColours(
        ((60, 0.40, 0.50), (150, 0.40, 0.50)), spread=(40, 0.25, 0.22), texture=0.06
    ),
}

TARGET_PALETTE: Palette = {
    Material.ROAD: MaterialColours(((95, 0.07, 0.47), (80, 0.06, 0.42)), texture=0.05),
    Material.SIDEWALK: MaterialColours(((150, 0.08, 0.52), (170, 0.10, 0.56)), texture=0.06),
    Material.BUILDING: MaterialColours(
        ((20, 0.18, 0.50), (100, 0.10, 0.42)), spread=(14, 0.08, 0.12), texture=0.08
    ),
    Material.FENCE: MaterialColours(((60, 0.12, 0.35), (60, 0.08, 0.50)), texture=0.08),
    Material.POLE: MaterialColours(((90, 0.06, 0.42), (90, 0.05, 0.52)), texture=0.03),
    Material.TRAFFIC_LIGHT: MaterialColours(((30, 0.25, 0.22), (30, 0.20, 0.28)), texture=0.03),
    Material.TRAFFIC_SIGN: MaterialColours(
        ((108, 0.65, 0.55), (20, 0.60, 0.75)), spread=(5, 0.10, 0.10), texture=0.03
    ),
    Material.VEGETATION: MaterialColours(((58, 0.40, 0.30), (64, 0.35, 0.26)), texture=0.20),
    Material.TERRAIN: MaterialColours(((48, 0.42, 0.44), (44, 0.38, 0.48)), texture=0.13),
    Material.SKY: MaterialColours(
        ((100, 0.06, 0.93), (100, 0.16, 0.88)), spread=(6, 0.03, 0.04), texture=0.01
    ),
    Material.PERSON: MaterialColours(
        ((110, 0.25, 0.28), (10, 0.25, 0.40)), spread=(25, 0.12, 0.12), texture=0.05
    ),
    Material.CAR: MaterialColours(
        ((105, 0.15, 0.25), (100, 0.06, 0.70)), spread=(20, 0.08, 0.14), texture=0.03
    ),
    Material.BUS: MaterialColours(
        ((2, 0.60, 0.60), (25, 0.55, 0.75)), spread=(5, 0.10, 0.08), texture=0.03
    ),
    Material.CLUTTER: MaterialColours(
        ((60, 0.25, 0.45), (150, 0.20, 0.40)), spread=(40, 0.20, 0.18), texture=0.07
    ),
}


def interpolate_palette(gap: float) -> Palette:
    """The palette between the source's (gap 0) and the target's (gap 1)."""
    return {
        material: colours.towards(TARGET_PALETTE[material], gap)
        for material, colours in SOURCE_PALETTE.items()
    }

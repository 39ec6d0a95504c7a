"""Lays out a street and draws it from back to front. Lengths are in metres."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from mmseg_gl.street_scenes.clutter import (
    draw_alien_clutter,
    draw_overpass,
    draw_street_clutter,
)
from mmseg_gl.street_scenes.materials import Material
from mmseg_gl.street_scenes.painter import Painter
from mmseg_gl.street_scenes.things import (
    draw_building,
    draw_bus,
    draw_car,
    draw_fence,
    draw_person,
    draw_pole,
    draw_tree,
)

FAR_END = 120.0
LANE_MARK = np.array((0.85, 0.85, 0.82))
KERB_WIDTH = 0.18


@dataclass(frozen=True)
class Side:
    """One side of the street: x of its borders, from the road outwards."""

    sign: int
    kerb: float
    sidewalk_end: float
    facade: float

    @property
    def sidewalk_width(self) -> float:
        return abs(self.sidewalk_end - self.kerb)

    @property
    def verge_width(self) -> float:
        return abs(self.facade - self.sidewalk_end)


class Scene:
    """A street, planned and drawn.

    The clutter has a painter of its own, so that the kind and the amount of clutter leave the rest
    of the scene as it is.
    """

    def __init__(self, painter: Painter, clutter_painter: Painter, clutter_kind: str) -> None:
        self._painter = painter
        self._clutter_painter = clutter_painter
        self._clutter_kind = clutter_kind
        self._near = min(2.0, 0.9 * painter.canvas.nearest_ground())
        self._things: list[tuple[float, Callable[[], None]]] = []

    def draw(self) -> None:
        """Draw the whole scene onto the painters' canvas."""
        self._draw_sky()
        self._draw_terrain()
        self._draw_end_of_street()
        rng, layout = self._painter.rng, self._painter.style.layout
        half_width = layout.road_half_width * rng.uniform(0.85, 1.15)
        middle = rng.uniform(-0.15, 0.35) * half_width
        self._draw_road(middle - half_width, middle + half_width)
        sidewalk = self._painter.colour(Material.SIDEWALK)
        sides = [self._plan_side(sign, middle + sign * half_width) for sign in (-1, 1)]
        for side in sides:
            self._draw_sidewalk(side, sidewalk)
            self._add_buildings(side)
            self._add_things_beside_road(side)
        self._add_things_on_road(middle - half_width, middle + half_width)
        if self._clutter_kind == 'street':
            self._add_street_clutter(sides)
        else:
            self._add_alien_clutter(sides)
        for _, draw in sorted(self._things, key=lambda thing: -thing[0]):
            draw()

    def _add(self, distance: float, draw: Callable[..., None], **arguments: object) -> None:
        self._things.append((distance, partial(draw, self._painter, **arguments)))

    def _add_clutter(self, z: float, draw: Callable[..., None], **arguments: object) -> None:
        self._things.append((z, partial(draw, self._clutter_painter, z=z, **arguments)))

    def _draw_sky(self) -> None:
        canvas, rng = self._painter.canvas, self._painter.rng
        top = self._painter.colour(Material.SKY, mode=0)
        bottom = self._painter.colour(Material.SKY, mode=1)
        rows = np.arange(len(canvas.image))
        weight = np.clip(rows / max(canvas.horizon, 1), 0, 1)[:, None, None]
        canvas.image[:] = top * (1 - weight) + bottom * weight
        canvas.labels[:] = Material.SKY
        for _ in range(rng.integers(4)):
            centre = (rng.uniform(-60, 60), rng.uniform(15, 50), 100)
            radii = (rng.uniform(8, 25), rng.uniform(2, 5))
            canvas.ellipse(centre, radii, bottom * 0.3 + 0.68)

    def _draw_terrain(self) -> None:
        canvas = self._painter.canvas
        first_row = int(canvas.horizon)
        canvas.image[first_row:] = self._painter.colour(Material.TERRAIN)
        canvas.labels[first_row:] = Material.TERRAIN
        below_horizon = np.arange(first_row, len(canvas.image)) - canvas.horizon + 1
        distances = canvas.focal_length * canvas.camera_height / below_horizon
        canvas.distance[first_row:] = distances[:, None]

    def _draw_end_of_street(self) -> None:
        canvas, rng = self._painter.canvas, self._painter.rng
        kind = rng.choice(('buildings', 'trees', 'open'), p=(0.30, 0.45, 0.25))
        for x in np.arange(-70, 70, 9.0):
            if kind == 'buildings':
                height = rng.uniform(6, self._painter.style.layout.building_height * 1.5)
                colour = self._painter.colour(Material.BUILDING)
                canvas.rectangle((x - 5, x + 5), (-0.5, height), 95, colour, Material.BUILDING)
            elif kind == 'trees':
                height = rng.uniform(4, 13)
                colour = self._painter.colour(Material.VEGETATION)
                centre, radii = (x, height * 0.3, 95), (8, height * 0.75)
                canvas.ellipse(centre, radii, colour, Material.VEGETATION)

    def _draw_road(self, left: float, right: float) -> None:
        canvas, rng = self._painter.canvas, self._painter.rng
        asphalt = self._painter.colour(Material.ROAD)
        canvas.floor((left, right), (self._near, FAR_END), asphalt, Material.ROAD)
        paint = LANE_MARK * rng.uniform(0.85, 1.05)
        middle = (left + right) / 2
        for z in np.arange(rng.uniform(3, 9), 60, 7.0):
            canvas.floor((middle - 0.08, middle + 0.08), (z, z + 3), paint)
        if rng.uniform() < 0.25:
            z = rng.uniform(8, 18)
            for x in np.arange(left + 0.4, right - 0.4, 0.9):
                canvas.floor((x, x + 0.45), (z, z + 3), paint)

    def _plan_side(self, sign: int, kerb: float) -> Side:
        rng, layout = self._painter.rng, self._painter.style.layout
        sidewalk_end = kerb + sign * layout.sidewalk_width * rng.uniform(0.75, 1.25)
        has_verge = rng.uniform() < layout.verge_probability
        verge_width = layout.verge_width * rng.uniform(0.6, 1.4) if has_verge else 0.0
        return Side(sign, kerb, sidewalk_end, facade=sidewalk_end + sign * verge_width)

    def _draw_sidewalk(self, side: Side, colour: np.ndarray) -> None:
        canvas, along = self._painter.canvas, (self._near, FAR_END)
        paved_to = side.sidewalk_end if side.verge_width else side.facade + side.sign * 30
        canvas.floor((side.kerb, paved_to), along, colour, Material.SIDEWALK)
        kerbstone = (side.kerb, side.kerb + side.sign * KERB_WIDTH)
        canvas.floor(kerbstone, along, colour * 0.82, Material.SIDEWALK)

    def _add_buildings(self, side: Side) -> None:
        rng, layout = self._painter.rng, self._painter.style.layout
        light = 1 + rng.choice((-1, 1)) * self._painter.style.camera.facade_shade
        near = min(1.5, self._near)
        while near < 85:
            far = near + rng.uniform(7, 18)
            if rng.uniform() < layout.gap_probability:
                for _ in range(rng.integers(1, 4)):
                    z = rng.uniform(max(near, 6), far + 5)
                    self._add(z, draw_tree, x=side.facade + side.sign * rng.uniform(1, 6), z=z)
            else:
                self._add(
                    near,
                    draw_building,
                    x=side.facade,
                    side=side.sign,
                    z=(near, far),
                    height=layout.building_height * rng.uniform(0.55, 1.5),
                    colour=self._painter.colour(Material.BUILDING),
                    light=light,
                )
            near = far

    def _add_things_beside_road(self, side: Side) -> None:
        rng, layout, sign = self._painter.rng, self._painter.style.layout, side.sign
        has_room = side.verge_width > 0 or rng.uniform() < 0.3
        if has_room and rng.uniform() < layout.fence_probability:
            z = rng.uniform(3, 14)
            self._add(z, draw_fence, x=side.facade - sign * 0.4, z=(z, z + rng.uniform(10, 30)))
        for z in rng.uniform(7, 45, size=rng.poisson(layout.trees / 2)):
            x = side.sidewalk_end + sign * rng.uniform(0, max(side.verge_width, 1))
            self._add(z, draw_tree, x=x, z=z)
        for z in rng.uniform(5, 30, size=rng.poisson(layout.poles / 2)):
            self._add(z, draw_pole, x=side.kerb + sign * rng.uniform(0.3, 0.8), z=z, side=sign)
        for z in rng.uniform(5, 24, size=rng.poisson(layout.persons / 2)):
            x = side.kerb + sign * rng.uniform(0.4, side.sidewalk_width)
            self._add(z, draw_person, x=x, z=z)
        for z in rng.uniform(6, 35, size=rng.poisson(layout.cars / 4)):
            self._add(z, draw_car, x=side.kerb - sign * 1.2, z=z)

    def _add_things_on_road(self, left: float, right: float) -> None:
        rng, layout = self._painter.rng, self._painter.style.layout
        for z in rng.uniform(7, 40, size=rng.poisson(layout.cars / 2)):
            self._add(z, draw_car, x=rng.uniform(left + 1.2, right - 1.2), z=z)
        if rng.uniform() < layout.bus_probability:
            z = rng.uniform(10, 28)
            self._add(z, draw_bus, x=rng.uniform(left + 1.5, right - 1.5), z=z)
        if rng.uniform() < 0.25:
            z = rng.uniform(6, 20)
            self._add(z, draw_person, x=rng.uniform(left, right), z=z)

    def _add_street_clutter(self, sides: list[Side]) -> None:
        rng, number = self._clutter_painter.rng, self._clutter_painter.style.layout.clutter
        for side in sides:
            for z in rng.uniform(4.5, 28, size=rng.poisson(number / 2)):
                outmost = side.sidewalk_width + side.verge_width + 0.5
                x = side.kerb + side.sign * rng.uniform(0.3, outmost)
                self._add_clutter(z, draw_street_clutter, x=x)
        if rng.uniform() < 0.06 * number:
            self._add_clutter(rng.uniform(14, 40), draw_overpass, y=rng.uniform(4.5, 6))

    def _add_alien_clutter(self, sides: list[Side]) -> None:
        rng, number = self._clutter_painter.rng, self._clutter_painter.style.layout.clutter
        left, right = (side.facade for side in sides)
        for z in rng.uniform(7, 30, size=rng.poisson(number)):
            self._add_clutter(z, draw_alien_clutter, x=rng.uniform(left, right))

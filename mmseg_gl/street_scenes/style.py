"""Parameters in which the two domains differ."""

from dataclasses import asdict, dataclass, replace
from typing import TypeVar

from mmseg_gl.street_scenes.appearance import Palette, interpolate_palette
from mmseg_gl.street_scenes.config import StreetScenesConfig


@dataclass(frozen=True)
class Layout:
    """Geometry of a street. Lengths in metres, numbers of things are means per image.

    Attributes:
        road_half_width: from the road's middle to the kerb.
        sidewalk_width: from the kerb to the verge or the facades.
        verge_probability: that a side has a green verge.
        verge_width: from the sidewalk to the facades.
        building_height: mean height.
        gap_probability: that a plot has trees instead of a building.
        fence_probability: that a fence stands along a verge.
        cars: number of cars, half of them parked.
        persons: number of persons on the sidewalks.
        trees: number of trees, besides those between buildings.
        poles: number of lamp posts, signs and traffic lights.
        bus_probability: that there is a bus.
        horizon: height of the horizon as a share of the image's, from the top.
        camera_height: above the road.
        clutter: number of unlabelled objects.
    """

    road_half_width: float
    sidewalk_width: float
    verge_probability: float
    verge_width: float
    building_height: float
    gap_probability: float
    fence_probability: float
    cars: float
    persons: float
    trees: float
    poles: float
    bus_probability: float
    horizon: float
    camera_height: float
    clutter: float = 0.0


@dataclass(frozen=True)
class Camera:
    """Light, air and camera. Brightness is 0 to 1.

    Attributes:
        facade_shade: by how much facades in the light or in the shade are brighter or darker.
        shadow: brightness left in the shadow under a vehicle.
        haze: extinction per metre.
        gain: mean factor of the brightness.
        gain_spread: standard deviation of the gain's logarithm between images.
        red: factor of the red channel.
        green: factor of the green channel.
        blue: factor of the blue channel.
        vignetting: loss of brightness in the corners.
        contrast: factor of the deviation from medium grey.
        gamma: exponent of the brightness.
        blur: standard deviation of the lens' blur in pixels.
        noise: standard deviation of the sensor's noise.
    """

    facade_shade: float
    shadow: float
    haze: float
    gain: float
    gain_spread: float
    red: float
    green: float
    blue: float
    vignetting: float
    contrast: float
    gamma: float
    blur: float
    noise: float


@dataclass(frozen=True)
class Style:
    """A domain: its colours, its streets and its camera."""

    palette: Palette
    layout: Layout
    camera: Camera


SOURCE_LAYOUT = Layout(
    road_half_width=3.9,
    sidewalk_width=2.9,
    verge_probability=0.75,
    verge_width=5.0,
    building_height=10.0,
    gap_probability=0.28,
    fence_probability=0.56,
    cars=3.2,
    persons=2.6,
    trees=3.5,
    poles=4.0,
    bus_probability=0.35,
    horizon=0.42,
    camera_height=1.85,
)

TARGET_LAYOUT = Layout(
    road_half_width=3.5,
    sidewalk_width=3.3,
    verge_probability=0.65,
    verge_width=4.0,
    building_height=13.0,
    gap_probability=0.25,
    fence_probability=0.56,
    cars=4.2,
    persons=3.4,
    trees=4.2,
    poles=5.0,
    bus_probability=0.35,
    horizon=0.44,
    camera_height=1.70,
)

SOURCE_CAMERA = Camera(
    facade_shade=0.22,
    shadow=0.55,
    haze=0.002,
    gain=1.0,
    gain_spread=0.05,
    red=1.0,
    green=1.0,
    blue=1.0,
    vignetting=0.0,
    contrast=1.0,
    gamma=1.0,
    blur=0.25,
    noise=0.006,
)

TARGET_CAMERA = Camera(
    facade_shade=0.06,
    shadow=0.75,
    haze=0.010,
    gain=0.88,
    gain_spread=0.12,
    red=0.94,
    green=1.04,
    blue=0.96,
    vignetting=0.28,
    contrast=0.85,
    gamma=1.12,
    blur=0.75,
    noise=0.022,
)

Parameters = TypeVar('Parameters', Layout, Camera)


def interpolate(source: Parameters, target: Parameters, gap: float) -> Parameters:
    """Interpolate every parameter from the source's (gap 0) to the target's (gap 1)."""
    target_values = asdict(target)
    return type(source)(
        **{
            name: value + gap * (target_values[name] - value)
            for name, value in asdict(source).items()
        }
    )


def source_style(config: StreetScenesConfig) -> Style:
    """The style of the source domain."""
    return Style(
        palette=interpolate_palette(gap=0.0),
        layout=replace(SOURCE_LAYOUT, clutter=config.mean_source_clutter),
        camera=SOURCE_CAMERA,
    )


def target_style(config: StreetScenesConfig) -> Style:
    """The style of the target domain: as far from the source's as the gaps say."""
    layout = interpolate(SOURCE_LAYOUT, TARGET_LAYOUT, gap=config.layout_gap)
    return Style(
        palette=interpolate_palette(gap=config.colour_gap),
        layout=replace(layout, clutter=config.mean_target_clutter),
        camera=interpolate(SOURCE_CAMERA, TARGET_CAMERA, gap=config.camera_gap),
    )

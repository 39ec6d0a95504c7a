"""Settings of the benchmark."""

from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

from mmseg_gl.errors import UserError, check_choice

SOURCE_FORMATS = ('gta5', 'synthia')
CLUTTER_KINDS = ('street', 'alien')
SIZE_LIMITS = (32, 4096)
MAX_IMAGES = 99_999
MAX_CLUTTER = 100.0

STREET_CLUTTER = (5.0, 3.5)
"""Mean number of street clutter objects per source image, and per target image at layout gap 1."""
ALIEN_CLUTTER = 15.0
"""Mean number of alien clutter objects per source image; the target has none."""


@dataclass(frozen=True)
class StreetScenesConfig:
    """Settings of the images: what they look like and how they are stored.

    Attributes:
        seed: seed of all images, at least 0.
        height: image height in pixels, 32 to 4096.
        width: image width in pixels, 32 to 4096.
        train: number of source images and, as well, of target training images.
        val: number of target validation images.
        source_format: ``'gta5'`` or ``'synthia'``, the layout on disk of the source.
        colour_gap: distance of the target's colours and textures from the source's, 0 (none) to 1.
        camera_gap: the same for light, haze, blur, noise and colour response.
        layout_gap: the same for widths, heights and numbers of things.
        source_clutter: mean number of unlabelled objects per source image, 0 to 100;
            None takes the default of the clutter's kind.
        target_clutter: the same for target images.
        clutter: kind of the unlabelled objects. ``'street'``: bins, benches, kiosks, billboards and
            overpasses, alike in both domains. ``'alien'``: many large things of any shape, colour
            and texture, which by default only the source has.
    """

    seed: int = 0
    height: int = 96
    width: int = 192
    train: int = 300
    val: int = 100
    source_format: str = 'gta5'
    colour_gap: float = 0.7
    camera_gap: float = 0.7
    layout_gap: float = 0.5
    source_clutter: float | None = None
    target_clutter: float | None = None
    clutter: str = 'street'

    def __post_init__(self) -> None:
        _check_integer('seed', self.seed, 0, None)
        _check_integer('height', self.height, *SIZE_LIMITS)
        _check_integer('width', self.width, *SIZE_LIMITS)
        _check_integer('train', self.train, 1, MAX_IMAGES)
        _check_integer('val', self.val, 1, MAX_IMAGES)
        check_choice('source_format', self.source_format, SOURCE_FORMATS)
        _check_number('colour_gap', self.colour_gap, 1.0)
        _check_number('camera_gap', self.camera_gap, 1.0)
        _check_number('layout_gap', self.layout_gap, 1.0)
        check_choice('clutter', self.clutter, CLUTTER_KINDS)
        _check_number('source_clutter', self.mean_source_clutter, MAX_CLUTTER)
        _check_number('target_clutter', self.mean_target_clutter, MAX_CLUTTER)

    @property
    def mean_source_clutter(self) -> float:
        """Mean number of unlabelled objects per source image, the default filled in."""
        if self.source_clutter is not None:
            return self.source_clutter
        return STREET_CLUTTER[0] if self.clutter == 'street' else ALIEN_CLUTTER

    @property
    def mean_target_clutter(self) -> float:
        """Mean number of unlabelled objects per target image, the default filled in."""
        if self.target_clutter is not None:
            return self.target_clutter
        if self.clutter == 'alien':
            return 0.0
        source, target = STREET_CLUTTER
        return source + self.layout_gap * (target - source)

    def settings(self) -> dict[str, Any]:
        """The settings as plain values, the defaults filled in."""
        return asdict(self) | {
            'source_clutter': self.mean_source_clutter,
            'target_clutter': self.mean_target_clutter,
        }


def _check_integer(name: str, value: Any, low: int, high: int | None) -> None:
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    if not is_integer or value < low or (high is not None and value > high):
        allowed = f'of at least {low}' if high is None else f'from {low} to {high}'
        raise UserError(f'{name}={value!r}: expected a whole number {allowed}')


def _check_number(name: str, value: Any, high: float) -> None:
    if not isinstance(value, int | float) or not isfinite(value) or not 0 <= value <= high:
        raise UserError(f'{name}={value!r}: expected a number from 0 to {high:g}')

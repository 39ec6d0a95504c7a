"""Check the classes and colours in a ``metainfo``."""

from typing import Any

from mmseg_gl.datasets.label_ids import IMPOSSIBLE
from mmseg_gl.errors import UserError

HOW = "metainfo=dict(classes=('a', 'b'), palette=[[128, 64, 128], [70, 130, 180]])"


def check_metainfo(where: str, metainfo: Any) -> None:
    """Raise a UserError unless ``metainfo`` lists classes, and one colour each if it has any."""
    if not isinstance(metainfo, dict) or metainfo.get('classes') is None:
        raise UserError(f'{where}={metainfo!r}: expected the names of the classes, e.g. {HOW}')
    classes, palette = metainfo['classes'], metainfo.get('palette')
    is_list = isinstance(classes, list | tuple) and bool(classes)
    if not is_list or not all(isinstance(name, str) and name for name in classes):
        raise UserError(f'{where}.classes={classes!r}: expected a list of names, e.g. {HOW}')
    if twice := [name for i, name in enumerate(classes) if name in classes[:i]]:
        raise UserError(f'{where}.classes names "{twice[0]}" twice; give each class its own name')
    if len(classes) > IMPOSSIBLE:
        raise UserError(
            f'{where}.classes lists {len(classes)} classes; 8-bit labels allow at most {IMPOSSIBLE}'
        )
    if palette is None:
        return
    is_list = isinstance(palette, list | tuple)
    if not is_list or not all(is_colour(colour) for colour in palette):
        raise UserError(
            f'{where}.palette: expected a colour for each class, [red, green, blue] from 0 to 255'
        )
    if len(palette) != len(classes):
        raise UserError(
            f'{where}.palette has {len(palette)} colours for {len(classes)} classes; give one for '
            'each class, or leave palette out'
        )


def is_colour(value: object) -> bool:
    is_triple = isinstance(value, list | tuple) and len(value) == 3
    return is_triple and all(isinstance(c, int) and 0 <= c <= 255 for c in value)

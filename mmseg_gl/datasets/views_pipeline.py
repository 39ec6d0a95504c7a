"""The pipeline of test-time augmentation."""

import math
from collections.abc import Sequence
from typing import Any

from mmseg_gl.datasets.inspection import LABEL_LOADERS
from mmseg_gl.errors import UserError


def views_pipeline(steps: Sequence[dict], scales: Sequence[float]) -> list[dict]:
    """Return a test pipeline that makes several views of an image, with mmcv's ``TestTimeAug``.

    Each scale gives two views, one of them flipped horizontally. The first view has the scale that
    is closest to 1 and is not flipped.

    Args:
        steps: The test pipeline; its labels are loaded after the images are resized.
        scales: Factors of the size to which the pipeline resizes images, or of their own.

    Raises:
        UserError: When the pipeline does not begin by loading images.
    """
    first, *rest = steps
    if not first['type'].startswith('Load') or first['type'] in LABEL_LOADERS:
        raise UserError(
            f'test-time augmentation expects a pipeline that begins with LoadImage, not with '
            f'{first["type"]}'
        )
    scales = sorted(scales, key=lambda scale: abs(math.log(scale)))
    stages = [[step] for step in rest]
    resizes = [i for i, step in enumerate(rest) if step['type'] == 'Resize']
    if resizes:
        stages[resizes[-1]] = [scaled(rest[resizes[-1]], scale) for scale in scales]
    else:
        stages.insert(0, [dict(type='Resize', scale_factor=float(s)) for s in scales])
    ends = [i for i, (step, *_) in enumerate(stages) if is_end(step['type'])]
    flips = [dict(type='RandomFlip', prob=p, direction='horizontal') for p in (0.0, 1.0)]
    stages.insert(ends[0] if ends else len(stages), flips)
    return [first, dict(type='TestTimeAug', transforms=stages)]


def is_end(kind: str) -> bool:
    """Return whether a step follows all that change the image."""
    return kind in LABEL_LOADERS or kind.startswith('Pack')


def scaled(resize: dict[str, Any], factor: float) -> dict[str, Any]:
    """Return a Resize step whose results are larger by a factor."""
    size = resize.get('scale')
    if size is None:
        own = resize['scale_factor']
        own = own if isinstance(own, Sequence) else (own, own)
        return {**resize, 'scale_factor': tuple(factor * value for value in own)}
    size = (size, size) if isinstance(size, int) else size
    return {**resize, 'scale': tuple(max(1, round(factor * side)) for side in size)}

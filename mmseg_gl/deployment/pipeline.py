"""Test pipeline of a published network: how an image file becomes the input of the network."""

from collections.abc import Sequence
from typing import Any

from mmseg.registry import TRANSFORMS

from mmseg_gl.datasets.inspection import LABEL_LOADERS
from mmseg_gl.deployment.model_config import clean
from mmseg_gl.engine.plain_values import plain
from mmseg_gl.errors import UserError

Options = dict[str, tuple[str, ...]]
# Steps of a published file, and their options. They only read the image that they are given.
LOADERS: Options = {
    'LoadImage': ('max_megapixels',),
    'LoadImageFromFile': ('color_type', 'imdecode_backend', 'to_float32'),
}
RESIZING: Options = {
    'Resize': ('scale', 'scale_factor', 'keep_ratio', 'backend', 'interpolation'),
    'ResizeShortestEdge': ('scale', 'max_size'),
    'ResizeToMultiple': ('size_divisor', 'interpolation'),
}
PACKING: Options = {'PackSegInputs': ('meta_keys',)}
STEPS = {**LOADERS, **RESIZING, **PACKING}
DEFAULT_SIZE = (512, 1024)  # where a test pipeline does not resize to a fixed size


def published_steps(pipeline: Sequence[dict]) -> list[dict[str, Any]]:
    """Return the steps of a test pipeline without those that read labels, as plain values.

    Raises:
        UserError: For a step that a published file cannot have.
    """
    kept = [step for step in pipeline if step['type'] not in LABEL_LOADERS]
    steps: list[dict[str, Any]] = plain(clean(kept), 'test_pipeline')
    check_steps("the config's test pipeline", steps)
    return steps


def check_steps(where: str, steps: Any) -> None:
    """Check the steps of a file of unknown origin.

    Args:
        where: Where they come from, for the error message.
        steps: The steps.

    Raises:
        UserError: Unless they are a loader, any number of resizing steps, and PackSegInputs.
    """
    steps = list(steps) if isinstance(steps, (list, tuple)) else []
    types = [str(step.get('type')) if isinstance(step, dict) else '' for step in steps]
    allowed = [LOADERS, *[RESIZING] * (len(types) - 2), PACKING]
    for name, known in zip(types, allowed):
        if name not in known:
            raise UserError(
                f'{where} has the step {name!r}; expected {" or ".join(known)} there, as only '
                'loading, resizing and PackSegInputs can be published'
            )
    if len(types) < 2:
        raise UserError(f'{where} is incomplete; expected {" or ".join(LOADERS)} to PackSegInputs')
    for name, step in zip(types, steps):
        if unknown := set(step) - {'type', *STEPS[name]}:
            raise UserError(f'{where}: {name} has the option {unknown.pop()!r}, which is not read')


def build_steps(steps: Sequence[dict]) -> list[Any]:
    """Build the transforms of a test pipeline."""
    return [TRANSFORMS.build(dict(step)) for step in steps]


def input_size(pipeline: Sequence[dict]) -> tuple[int, int] | None:
    """Return the size that a test pipeline gives to all images, (height, width); None for none."""
    for step in pipeline:
        scale = step.get('scale')
        if step['type'] == 'Resize' and scale and not step.get('keep_ratio'):
            width, height = scale if isinstance(scale, (list, tuple)) else (scale, scale)
            return height, width
    return None

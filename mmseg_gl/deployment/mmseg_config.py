"""Config of a published network for mmseg's own functions, without this library where possible."""

from collections.abc import Iterator, Sequence
from typing import Any

from mmengine.config import Config
from mmseg.registry import MODELS

from mmseg_gl.models import MultiOutputEncoderDecoder

OWN_OPTIONS = ('upsample', 'resize_twice')  # of test_cfg, which mmseg does not have
MMSEG = ('mmseg', 'mmcv', 'mmengine', 'torch')  # packages that mmseg imports itself


def mmseg_config(model: dict, test_pipeline: Sequence[dict], imports: Sequence[str]) -> Config:
    """Return a config that mmseg's ``init_model`` and ``MMSegInferencer`` accept.

    It imports other packages only if mmseg lacks a part of the network, or would resize its output
    in another way.

    Args:
        model: Config of the segmentor, see :func:`plain_model`.
        test_pipeline: Steps from an image file to the network.
        imports: Modules that register parts of the network.
    """
    needed = {}
    if is_plain(model, test_pipeline):
        test_cfg = {k: v for k, v in model['test_cfg'].items() if k not in OWN_OPTIONS}
        model = dict(model, type='EncoderDecoder', test_cfg=test_cfg)
    else:
        needed = dict(custom_imports=dict(imports=list(imports), allow_failed_imports=False))
    pipeline = [mmseg_step(step) for step in test_pipeline]
    dataset = dict(type='BaseSegDataset', pipeline=pipeline)  # the classes are in the .pth
    return Config(
        dict(
            default_scope='mmseg',
            **needed,
            model=model,
            test_pipeline=pipeline,
            test_dataloader=dict(batch_size=1, num_workers=0, dataset=dataset),
            visualizer=dict(type='SegLocalVisualizer', name='visualizer'),
        )
    )


def is_plain(model: dict, test_pipeline: Sequence[dict]) -> bool:
    """Return whether mmseg's EncoderDecoder predicts exactly what this network does."""
    test_cfg = model.get('test_cfg') or {}
    resized = any('Resize' in step['type'] for step in test_pipeline)
    return (
        MODELS.get(model['type']) is MultiOutputEncoderDecoder
        and all(package(name) in MMSEG for name in types(dict(model, type='EncoderDecoder')))
        and test_cfg.get('upsample', 'logits') == 'logits'
        and (not resized or test_cfg.get('resize_twice') or test_cfg.get('mode') == 'slide')
    )


def types(node: Any) -> Iterator[str]:
    """Yield the types in a config."""
    if isinstance(node, dict):
        yield from (value for key, value in node.items() if key == 'type')
    if isinstance(node, (dict, list, tuple)):
        for value in node.values() if isinstance(node, dict) else node:
            yield from types(value)


def package(name: str) -> str:
    """Return the package of a registered network part."""
    return MODELS.get(name).__module__.partition('.')[0]


def mmseg_step(step: dict) -> dict:
    """Return a step of the test pipeline under the type that mmseg has for it.

    It gives the same pixels as LoadImage. Only grey images with alpha differ: mmcv puts a
    background behind them.
    """
    if step['type'] != 'LoadImage':
        return step
    return dict(
        type='LoadImageFromFile',
        imdecode_backend='pillow',
        color_type='color_ignore_orientation',  # no rotation by EXIF
    )

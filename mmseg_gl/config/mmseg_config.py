"""Export the adapted segmentor, without its adaptation parts, for mmseg's APIs."""

from __future__ import annotations

from mmengine.config import Config, ConfigDict

from mmseg_gl.datasets.inspection import LABEL_LOADERS, build_lazily
from mmseg_gl.weights.files import below, read_checkpoint, tensors_of


def mmseg_config(cfg: Config) -> Config:
    """Return a config of the segmentor alone, in the format of mmseg.

    mmseg's ``init_model``, ``inference_model`` and ``MMSegInferencer`` accept it.

    Args:
        cfg: A config of this library with a ``test_dataloader``.
    """
    loader = cfg.test_dataloader
    steps = [step for step in loader.dataset.pipeline if step['type'] not in LABEL_LOADERS]
    # Gives the same pixels as LoadImage, under the type that mmseg searches for. Only grey images
    # with alpha differ: mmcv puts a background behind them.
    load = dict(
        type='LoadImageFromFile',
        imdecode_backend='pillow',
        color_type='color_ignore_orientation',  # no rotation by EXIF
    )
    pipeline = [load if step['type'] == 'LoadImage' else step for step in steps]
    model = dict(cfg.model.segmentor, data_preprocessor=cfg.model.data_preprocessor)
    if model['type'] == 'EncoderDecoder':
        model['type'] = 'MultiOutputEncoderDecoder'
    dataset = dict(loader.dataset, pipeline=pipeline)
    return Config(
        dict(
            default_scope='mmseg',
            custom_imports=cfg.get('custom_imports') or dict(imports=['mmseg_gl']),
            model=ConfigDict(model),
            test_pipeline=pipeline,
            test_dataloader=dict(loader, dataset=dataset),
            visualizer=cfg.get('visualizer'),
        )
    )


def segmentor_checkpoint(cfg: Config, path: str) -> dict:
    """Return a checkpoint of the evaluated network alone, to be saved with ``torch.save``.

    Args:
        cfg: The config that the checkpoint was trained with.
        path: Checkpoint of a run.

    Returns:
        ``state_dict``, with the key names of mmseg's segmentors, and ``meta``, with the classes and
        the palette. It holds only tensors and plain values.

    Raises:
        UserError: If the file cannot be read.
    """
    evaluated = cfg.model.get('evaluated', 'segmentor')
    prefix = dict(segmentor='segmentor.', teacher='teacher.module.')[evaluated]
    weights = tensors_of(read_checkpoint(path))
    metainfo = build_lazily(cfg.test_dataloader.dataset).metainfo
    names = {name: list(metainfo[name]) for name in ('classes', 'palette')}
    return dict(
        meta=dict(dataset_meta=names),
        state_dict=below(weights, prefix),
    )

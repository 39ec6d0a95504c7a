"""Published files: the weights of a segmentor, and all that is needed to predict with it."""

import hashlib
import io
import os
from typing import Any

import torch
from mmengine.config import Config, ConfigDict
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import DefaultScope
from mmseg.registry import MODELS
from torch import nn

import mmseg_gl
from mmseg_gl.config.classes import check_metainfo
from mmseg_gl.datasets.inspection import build_lazily
from mmseg_gl.deployment.model_config import check_model, plain_model
from mmseg_gl.deployment.pipeline import check_steps, published_steps
from mmseg_gl.engine.checkpoint import load_segmentor
from mmseg_gl.engine.plain_values import has_form
from mmseg_gl.errors import UserError, in_short
from mmseg_gl.files import read_record
from mmseg_gl.weights.files import check_tensors, read_checkpoint, weights_digest

# `meta` and `state_dict` are what mmseg reads of a checkpoint.
FORM = dict(
    state_dict={str: torch.Tensor},
    meta=dict(dataset_meta=dict(classes=[str], palette=[[int]])),
    mmseg_gl=dict(
        **dict(version=str, weights=str, model=dict, test_pipeline=list),
        **dict(protocol=str, figures={str: float}),
    ),
)


def published(cfg: Config, checkpoint: str, metrics: str | None = None) -> dict[str, Any]:
    """Return the contents of a published file, tensors and plain values only.

    Args:
        cfg: Config of a segmentor with a ``test_dataloader``.
        checkpoint: Checkpoint that was trained with it, of a run or of a segmentor alone.
        metrics: The ``metrics.json`` of these weights; see :func:`read_metrics`.

    Returns:
        ``state_dict`` with the names of mmseg's segmentors; ``meta.dataset_meta`` with ``classes``
        and ``palette``; and ``mmseg_gl``, whose ``model`` is the config of the segmentor and of its
        normalisation, without losses and paths.

    Raises:
        UserError: If the checkpoint cannot be read, is of another network, or holds values that are
            not finite; if ``metrics`` is not about it; if the config trains no segmentor; or if it
            cannot be published.
    """
    if 'segmentor' not in cfg.model:
        raise UserError(f'a {cfg.model.type} is not a segmentor; publish a config that trains one')
    dataset = build_lazily(cfg.test_dataloader.dataset)
    model = plain_model(cfg.model.segmentor, cfg.model.data_preprocessor)
    check_model('the network', model)
    whole = MODELS.build(cfg.model)
    load_segmentor(whole, checkpoint)
    weights = whole.network.state_dict()
    for name, tensor in weights.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise UserError(
                f'{checkpoint}: {name} is not finite; its training has diverged: use an earlier '
                'checkpoint'
            )
    meta = read_checkpoint(checkpoint).get('meta')
    figures = read_metrics(whole.network, os.path.dirname(checkpoint), metrics)
    return dict(
        state_dict=dict(weights),
        meta=dict(
            dataset_meta=dict(
                classes=list(dataset.metainfo['classes']),
                palette=[list(map(int, colour)) for colour in dataset.metainfo['palette']],
            )
        ),
        mmseg_gl=dict(
            version=mmseg_gl.__version__,
            iteration=meta.get('iter') if isinstance(meta, dict) else None,
            weights=cfg.model.get('evaluated', 'segmentor'),
            model=model,
            test_pipeline=published_steps(cfg.test_dataloader.dataset.pipeline),
            protocol=str(figures.get('protocol') or ''),
            figures={
                k: float(v) for k, v in figures.items() if is_figure(k) and has_form(v, float)
            },
        ),
    )


def is_figure(name: str) -> bool:
    return name.startswith(('mIoU', 'IoU.'))


def read_metrics(network: nn.Module, folder: str, path: str | None) -> dict[str, Any]:
    """Read the ``metrics.json`` that tools/test.py has written about a network.

    Args:
        network: The network with the weights of a checkpoint.
        folder: Where the checkpoint is.
        path: The file; None looks in the folder, and skips one about other weights.

    Returns:
        Contents of the file, {} if there is none about these weights.

    Raises:
        UserError: If the given file is missing, damaged, or about something else.
    """
    record = read_record(path or os.path.join(folder, 'metrics.json')) or {}
    if path and not record:
        raise UserError(f'there is no {path}; tools/test.py writes it')
    if record.get('weights_sha256') == weights_digest(network) and not record.get('test_time'):
        return record
    if path:
        changed = ' with --adapt or --tta' if record.get('test_time') else ''
        raise UserError(
            f'{path} is about {record.get("checkpoint")}{changed}, not about the weights to be '
            'published as they are; run tools/test.py on those'
        )
    return {}


def to_bytes(contents: dict[str, Any]) -> tuple[bytes, str]:
    """Return the bytes of a file, and the first eight digits of their SHA-256 sum."""
    file = io.BytesIO()
    torch.save(contents, file)
    return file.getvalue(), hashlib.sha256(file.getbuffer()).hexdigest()[:8]


def read_published(path: str) -> tuple[Any, dict[str, Any]]:
    """Read a published file, which may come from anybody, and build its network.

    Args:
        path: File written by tools/publish.py.

    Returns:
        The segmentor in eval mode, and the contents of the file without the weights.

    Raises:
        UserError: If the file is missing or damaged, is no published file, or would make the
            network read other files or be built of anything but registered network parts.
    """
    contents = read_checkpoint(path)
    if not has_form(contents, FORM):
        raise UserError(
            f'{path} is not a published file; make one of a checkpoint by tools/publish.py CONFIG '
            'CKPT OUT'
        )
    own, metainfo = contents['mmseg_gl'], contents['meta']['dataset_meta']
    check_model(path, own['model'])
    check_steps(path, own['test_pipeline'])
    check_metainfo(path, metainfo)
    try:
        with DefaultScope.overwrite_default_scope('mmseg'):
            segmentor = MODELS.build(ConfigDict(own['model']))
    except UserError:
        raise
    except Exception as error:
        raise UserError(f'{path}: its network cannot be built ({in_short(error)})') from error
    weights = contents.pop('state_dict')
    check_tensors(segmentor, weights, path, 'the network in it')
    if segmentor.num_classes != len(metainfo['classes']):
        raise UserError(f'{path} is damaged: its network has {segmentor.num_classes} classes')
    segmentor.load_state_dict(weights)
    return revert_sync_batchnorm(segmentor).eval(), contents

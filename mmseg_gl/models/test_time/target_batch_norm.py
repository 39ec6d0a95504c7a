from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_gl.errors import UserError


@torch.no_grad()
def target_batch_norm(model: Any, batches: Iterable[dict]) -> int:
    """Replace the running statistics of batch norm by those of other images.

    The images go through the model as in testing, but each batch is normalised with its own
    statistics. The new ones are cumulative averages (``momentum=None`` of PyTorch's batch norm):
    the means of the means and of the unbiased variances of all passes through a layer. A layer that
    sees an image in several passes, e.g. one for each window, averages over all of them. No weight
    changes, and no label is used.

    Args:
        model: Model with ``test_step``, e.g. a :class:`UDASegmentor`, with its weights loaded.
        batches: Batches of a data loader, e.g. ``dict(inputs=[...], data_samples=[...])``.

    Returns:
        The number of images.

    Raises:
        UserError: When the network has no batch norm with running statistics, there is no image, or
            a layer sees a single value per channel.
    """
    layers = [layer for layer in batch_norms(model) if layer.running_mean is not None]
    if not layers:
        raise UserError(
            'the network has no batch norm with running statistics, which could be taken from the '
            'target; test it as it is, or use a network with batch norm'
        )
    momenta = [layer.momentum for layer in layers]
    model.eval()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
    images = 0
    with batch_statistics(layers, track=True):
        for batch in batches:
            model.test_step(batch)
            images += len(batch['inputs'])
    for layer, momentum in zip(layers, momenta):
        layer.momentum = momentum
    if not images:
        raise UserError('batch norm cannot take the statistics of no images; give at least one')
    return images


def batch_norms(model: Any) -> list[Any]:
    """Return the batch norm layers of the network that a model evaluates."""
    return [layer for layer in network_of(model).modules() if isinstance(layer, _BatchNorm)]


def network_of(model: Any) -> nn.Module:
    """Return the network that a model evaluates, e.g. the teacher's of a UDASegmentor."""
    model = getattr(model, 'module', model)  # of a distributed wrapper
    return getattr(model, 'network', model)


@contextmanager
def batch_statistics(layers: Sequence[Any], track: bool) -> Iterator[None]:
    """Let batch norm use the statistics of each batch.

    Args:
        layers: Batch norm layers in evaluation mode.
        track: Update their running statistics.

    Raises:
        UserError: When a layer sees a single value per channel.
    """
    tracked = [layer.track_running_stats for layer in layers]
    for layer, was_tracked in zip(layers, tracked):
        layer.train()
        layer.track_running_stats = was_tracked and track
    try:
        yield
    except ValueError as error:
        if 'more than 1 value per channel' not in str(error):  # PyTorch's message
            raise
        raise UserError(
            'a batch norm layer sees one value per channel, which has no variance; set '
            'test_dataloader.batch_size to 2 or more'
        ) from error
    finally:
        for layer, was_tracked in zip(layers, tracked):
            layer.eval()
            layer.track_running_stats = was_tracked

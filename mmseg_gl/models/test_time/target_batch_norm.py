from __future__ import annotations

from collections.abc import Iterable, Iterator
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
    statistics. The new ones are cumulative averages, as with ``momentum=None`` of PyTorch's batch
    norm: the means, over all forward passes of the layer, of the batch's mean and of its unbiased
    variance. A layer that sees a batch in several passes, e.g. one for each window, averages over
    all of them. No weight changes, and no label is used.

    Args:
        model: Model with ``test_step``, in the state in which it is to be tested.
        batches: Batches of a data loader, e.g. ``dict(inputs=[...], data_samples=[...])``.

    Returns:
        The number of images.

    Raises:
        UserError: When the network has no batch norm with running statistics, or there is no image.
    """
    layers = [
        module
        for module in network_of(model).modules()
        if isinstance(module, _BatchNorm) and module.running_mean is not None
    ]
    if not layers:
        raise UserError(
            'the network has no batch norm with running statistics that could be those of the '
            'target; test it without, or use a network with batch norm'
        )
    before = [(layer.momentum, layer.num_batches_tracked) for layer in layers]
    images = 0
    model.eval()
    with training(layers):
        for layer in layers:
            layer.reset_running_stats()
            layer.momentum = None  # the cumulative average
        try:
            for batch in batches:
                model.test_step(batch)
                images += len(batch['inputs'])
        finally:
            for layer, (momentum, _) in zip(layers, before):
                layer.momentum = momentum
    if not images:
        raise UserError('there is no image to take the statistics of batch norm from')
    return images


def network_of(model: Any) -> nn.Module:
    """Return the network that a model evaluates, e.g. the teacher's of a UDASegmentor."""
    model = getattr(model, 'module', model)  # of a distributed wrapper
    return getattr(model, 'network', model)


@contextmanager
def training(layers: Iterable[nn.Module]) -> Iterator[None]:
    """Set some layers to training, and to evaluation afterwards."""
    layers = list(layers)
    for layer in layers:
        layer.train()
    try:
        yield
    finally:
        for layer in layers:
            layer.eval()

"""Backpropagation, updates and checks that the training steps of all models share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.dist import all_reduce, all_reduce_params, get_world_size
from mmengine.optim import OptimWrapper
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_gl.errors import UserError


def merge(losses: dict[str, Tensor], more: dict[str, Tensor]) -> None:
    """Merge losses into a dict of other losses.

    Raises:
        UserError: When both have a loss of the same name.
    """
    for name in losses.keys() & more.keys():
        raise UserError(
            f'two parts of the model both call a loss "{name}"; give one of them another name'
        )
    losses.update(more)


@contextmanager
def kept_statistics(network: nn.Module) -> Iterator[None]:
    """Keep the running statistics of batch norm in training mode, which uses those of the batch."""
    layers = tracking_layers(network)
    for layer in layers:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in layers:
            layer.track_running_stats = True


def tracking_layers(network: nn.Module) -> list[Any]:
    """Return the batch norm layers with running statistics."""
    layers = [layer for layer in network.modules() if isinstance(layer, _BatchNorm)]
    return [layer for layer in layers if layer.track_running_stats]


def copied_statistics(network: nn.Module) -> list[tuple[Tensor, Tensor]]:
    """Return the statistics that batch norm updates in its forward passes, each with a copy."""
    layers = [layer for layer in tracking_layers(network) if layer.training]
    return [(buffer, buffer.clone()) for layer in layers for buffer in layer.buffers()]


def backward(losses: dict[str, Tensor], optimizer: OptimWrapper, what: str) -> dict[str, Tensor]:
    """Backpropagate the sum of all entries named ``loss_*``; return every entry, detached.

    Args:
        losses: Scalars by name.
        optimizer: Optimizer wrapper that backpropagates, and scales the sum if it has to.
        what: Origin of the losses, for the error message.

    Raises:
        UserError: When there is no entry named ``loss_*``.
    """
    terms = [value for name, value in losses.items() if name.startswith('loss_')]
    if not terms:
        names = ', '.join(losses) or 'nothing'
        raise UserError(f'{what} gave {names}; expected at least one scalar named loss_...')
    optimizer.backward(sum(terms))
    return detach(losses)


def update(
    optimizers: Iterable[OptimWrapper], losses: dict[str, Tensor], skip_nonfinite: bool = False
) -> bool:
    """Step all optimizers if every loss is finite, otherwise none of them.

    With several processes, the gradients are averaged over the processes first.

    Args:
        optimizers: Optimizer wrappers; their gradients are zeroed afterwards.
        losses: Scalars by name; those named ``loss_*`` are checked.
        skip_nonfinite: Skip the step when a loss is not finite, instead of raising an error.

    Returns:
        True if the optimizers have stepped.

    Raises:
        UserError: When a loss is not finite; no weight has been changed then.
    """
    finite = are_finite(losses)
    if not (finite or skip_nonfinite):
        raise UserError(
            f'training has diverged ({in_words(losses)}); continue from an earlier checkpoint with '
            'a smaller learning rate or smaller loss_weights'
        )
    for optimizer in optimizers:
        if finite:
            average_gradients(optimizer)
            optimizer.step()
        optimizer.zero_grad()
    return finite


def average_gradients(optimizer: OptimWrapper) -> None:
    """Average the gradients of an optimizer over the processes, in one message.

    A gradient that is missing in some processes counts as 0 there; one that is missing in all
    processes stays missing.
    """
    if get_world_size() == 1:
        return
    groups = optimizer.optimizer.param_groups
    parameters = [p for group in groups for p in group['params']]
    used = torch.tensor([p.grad is not None for p in parameters], dtype=torch.int32)
    used = used.to(parameters[0].device)
    all_reduce(used, 'max')
    parameters = [p for p, is_used in zip(parameters, used.tolist()) if is_used]
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    all_reduce_params([parameter.grad for parameter in parameters], op='mean')


def on_cpu(scalars: dict[str, Tensor]) -> dict[str, Tensor]:
    """Copy scalars to the CPU in one transfer, so that logging them does not wait for the GPU."""
    return dict(zip(scalars, torch.stack([value.double() for value in scalars.values()]).cpu()))


def are_finite(losses: dict[str, Tensor]) -> bool:
    """Return True if all entries named ``loss_*`` are finite in every process."""
    terms = torch.stack([v.float() for name, v in losses.items() if name.startswith('loss_')])
    finite = torch.isfinite(terms).all().float()
    all_reduce(finite, 'min')  # the processes step together or not at all
    return bool(finite)


def has_finite_weights(model: nn.Module) -> bool:
    """Return True if all parameters and buffers are finite in every process."""
    tensors = [t for t in model.state_dict().values() if t.is_floating_point()]
    finite = torch.stack([torch.isfinite(t).all() for t in tensors]).all().float()
    all_reduce(finite, 'min')
    return bool(finite)


def in_words(losses: dict[str, Tensor]) -> str:
    """Format losses for a message, e.g. 'loss_seg_decode nan, loss_d_global_decode 0.4'."""
    terms = [(name, value) for name, value in losses.items() if name.startswith('loss_')]
    return ', '.join(f'{name} {value.item():.4g}' for name, value in terms)


def autocast_layout(maps: Tensor) -> Tensor:
    """Convert maps to channels-last under autocast, the fastest layout for convolutions there."""
    if not maps.is_meta and torch.is_autocast_enabled(maps.device.type):
        return maps.contiguous(memory_format=torch.channels_last)
    return maps


def detach(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Detach all tensors of a dict."""
    return {name: tensor.detach() for name, tensor in tensors.items()}


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Freeze the parameters of a module within a context; gradients still pass through it."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)

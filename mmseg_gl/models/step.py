"""What the training steps of all models share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from mmengine.dist import all_reduce, all_reduce_params, get_world_size
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from mmseg_gl.errors import UserError


def merge(losses: dict, more: dict) -> None:
    """Add losses by name to others.

    Raises:
        UserError: When two have the same name, so that one would be lost.
    """
    for name in losses.keys() & more.keys():
        raise UserError(
            f'two parts of the model both call a loss "{name}"; give one of them another name'
        )
    losses.update(more)


def backward(losses: dict[str, Tensor], optimizer: OptimWrapper, what: str) -> dict[str, Tensor]:
    """Backpropagate the sum of all entries named ``loss_*``; return every entry, detached.

    Args:
        losses: Scalars by name.
        optimizer: Scales the sum where needed.
        what: What gave them, for the message.

    Raises:
        UserError: When there is no such entry.
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
    """Let the optimizers step, all or none of them: none unless every loss is finite.

    With several processes they step with the mean of the processes' gradients.

    Args:
        optimizers: With gradients; they are zeroed.
        losses: Scalars; those named ``loss_*`` count.
        skip_nonfinite: Return without a step where a loss is not finite, instead of raising.

    Returns:
        Whether they have stepped.

    Raises:
        UserError: Where a loss is not finite; no weight has been changed then.
    """
    finite = are_finite(losses)
    if not (finite or skip_nonfinite):
        raise UserError(
            f'training has diverged ({in_words(losses)}); go on from an earlier checkpoint with a '
            'smaller learning rate or smaller loss_weights'
        )
    for optimizer in optimizers:
        if finite:
            average_gradients(optimizer)
            optimizer.step()
        optimizer.zero_grad()
    return finite


def average_gradients(optimizer: OptimWrapper) -> None:
    """Replace an optimizer's gradients by their means over the processes, in one message.

    A parameter without a gradient in one process counts as 0 there; one that has a gradient in no
    process stays without.
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
    """Bring scalars to the CPU by one copy, so that logging them does not wait for a GPU again."""
    return dict(zip(scalars, torch.stack([value.double() for value in scalars.values()]).cpu()))


def are_finite(losses):
    """Return whether all entries named ``loss_*`` are finite, in every process."""
    terms = torch.stack([v.float() for name, v in losses.items() if name.startswith('loss_')])
    finite = torch.isfinite(terms).all().float()
    all_reduce(finite, 'min')  # the processes step together or not at all
    return bool(finite)


def has_finite_weights(model):
    """Return whether all parameters and buffers are finite, in every process."""
    tensors = [t for t in model.state_dict().values() if t.is_floating_point()]
    finite = torch.stack([torch.isfinite(t).all() for t in tensors]).all().float()
    all_reduce(finite, 'min')
    return bool(finite)


def in_words(losses):
    """Return e.g. 'loss_seg_decode nan, loss_d_global_decode 0.4'."""
    terms = [(name, value) for name, value in losses.items() if name.startswith('loss_')]
    return ', '.join(f'{name} {value.item():.4g}' for name, value in terms)


def autocast_layout(maps):
    """Return maps in channels-last layout under autocast: convolutions are fastest so."""
    if torch.is_autocast_enabled(maps.device.type):
        return maps.contiguous(memory_format=torch.channels_last)
    return maps


def detach(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors by name without gradients."""
    return {name: tensor.detach() for name, tensor in tensors.items()}


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Let gradients pass through a module without computing any for its parameters."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)

"""What the training steps of all models share."""

from contextlib import ExitStack, contextmanager

import torch
from mmengine.dist import all_reduce
from torch.nn.parallel import DistributedDataParallel

from mmseg_gl.errors import UserError


def backward(losses, optimizer):
    """Backpropagate the sum of all entries named ``loss_*``; return every entry, detached."""
    terms = {name: value for name, value in losses.items() if name.startswith('loss_')}
    if not terms:
        raise UserError('the source images have no labels: add LoadTrainIds to their pipeline')
    optimizer.backward(sum(terms.values()))
    return detach(losses)


def update(optimizers, losses, skip_nonfinite=False):
    """Let the optimizers step, all or none of them: none unless every loss is finite.

    Args:
        optimizers (list[OptimWrapper]): With gradients; they are zeroed.
        losses (dict[str, Tensor]): Scalars; those named ``loss_*`` count.
        skip_nonfinite (bool): Return without a step where a loss is not finite, instead of raising.

    Returns:
        bool: Whether they have stepped.

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
            optimizer.step()
        optimizer.zero_grad()
    return finite


def on_cpu(scalars):
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


def detach(tensors):
    return {name: tensor.detach() for name, tensor in tensors.items()}


@contextmanager
def frozen(modules):
    """Let gradients pass through ``modules`` without computing any for their parameters."""
    modules = list(modules)
    parameters = [p for module in modules for p in module.parameters() if p.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        with unsynchronised(*modules):
            yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


@contextmanager
def unsynchronised(*modules):
    """Keep gradients on their process where modules are distributed; a later backward sends them.

    Must enclose the forward pass.
    """
    with ExitStack() as stack:
        for module in modules:
            if isinstance(module, DistributedDataParallel):
                stack.enter_context(module.no_sync())
        yield

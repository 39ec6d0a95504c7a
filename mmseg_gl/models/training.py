"""What the training steps of all models share."""

from contextlib import contextmanager

import torch

from mmseg_gl.errors import UserError


def backward(losses, optimizer):
    """Backpropagate the sum of all entries named ``loss_*``; return every entry, detached."""
    terms = {name: value for name, value in losses.items() if name.startswith('loss_')}
    if not terms:
        raise UserError('the source images have no labels: add LoadTrainIds to their pipeline')
    total = sum(terms.values())
    if not torch.isfinite(total):
        values = ', '.join(f'{name} {value.item():.4g}' for name, value in terms.items())
        raise UserError(
            f'training has diverged ({values}); go on from an earlier checkpoint with a smaller '
            'learning rate or smaller loss_weights'
        )
    optimizer.backward(total)
    return detach(losses)


def detach(tensors):
    return {name: tensor.detach() for name, tensor in tensors.items()}


@contextmanager
def frozen(modules):
    """Let gradients pass through ``modules`` without computing any for their parameters."""
    parameters = [p for module in modules for p in module.parameters() if p.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)

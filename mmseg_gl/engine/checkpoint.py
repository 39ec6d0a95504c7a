"""Loading checkpoints so that nothing is left random without a word."""

import os

import torch
from mmengine.model import is_model_wrapper
from mmengine.runner.checkpoint import get_torch_safe_globals, load_state_dict

from mmseg_gl.errors import UserError


def read_checkpoint(path):
    """Read a checkpoint file with ``weights_only=True``.

    Args:
        path (str): File written by ``torch.save``.

    Returns:
        dict: Its contents.

    Raises:
        UserError: When it is missing, damaged, or holds more than tensors and plain values.
    """
    if not os.path.isfile(path):
        raise UserError(f'there is no checkpoint file {path}')
    try:
        with torch.serialization.safe_globals(get_torch_safe_globals()):
            contents = torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f'{path} is damaged or not a PyTorch checkpoint ({reason})') from error
    if not isinstance(contents, dict) or not isinstance(contents.get('state_dict', {}), dict):
        raise UserError(f'{path} is not a checkpoint of a model; it holds no named tensors')
    return contents


def load_segmentor(model, path):
    """Load a checkpoint's segmentor, all of it, into a :class:`UDASegmentor`.

    Discriminator heads are not needed for testing and may be absent. A checkpoint of the segmentor
    alone (keys without the ``segmentor.`` prefix) is taken as well.

    Args:
        model (nn.Module): The model, possibly wrapped for distributed use.
        path (str): Checkpoint file.

    Raises:
        UserError: When tensors are missing or have another shape.
    """
    weights = tensors_of(read_checkpoint(path))
    model = unwrapped(model)
    if not any(key.startswith('segmentor.') for key in weights):
        weights = {f'segmentor.{key}': value for key, value in weights.items()}
    own = check_tensors(model, weights, path, 'segmentor.')
    load_state_dict(model, {key: weights[key] for key in own}, strict=False)


def check_start(model, path, resume):
    """Make sure that training can start from a checkpoint; mmengine would leave gaps random.

    Args:
        model (nn.Module): The model, possibly wrapped for distributed use.
        path (str): Checkpoint file.
        resume (bool): Whether the run goes on (all tensors and the optimizers' state are needed) or
            only starts from the weights (the segmentor's are needed).

    Raises:
        UserError: When it cannot.
    """
    contents = read_checkpoint(path)
    if resume and not {'state_dict', 'meta', 'optimizer', 'message_hub'} <= set(contents):
        raise UserError(
            f'{path} holds weights but not the state of a training run, so it cannot be resumed; '
            'to start from its weights use --cfg-options load_from=...'
        )
    check_tensors(unwrapped(model), tensors_of(contents), path, '' if resume else 'segmentor.')


def tensors_of(contents):
    weights = contents.get('state_dict', contents)
    return {key: value for key, value in weights.items() if isinstance(value, torch.Tensor)}


def unwrapped(model):
    """Return the model inside a distributed wrapper, or the model itself."""
    return model.module if is_model_wrapper(model) else model


def check_tensors(model, weights, path, prefix):
    """Return the model's tensors below ``prefix``; ``weights`` must have these and no others."""
    own = {key: value for key, value in model.state_dict().items() if key.startswith(prefix)}
    missing = [key for key in own if key not in weights]
    misshapen = [k for k in own if k in weights and weights[k].shape != own[k].shape]
    surplus = [key for key in weights if key.startswith(prefix) and key not in own]
    for keys, fault in (
        (missing, 'are missing from it'),
        (misshapen, 'have another shape in it'),
        (surplus, 'of it are not in the model'),
    ):
        if keys:
            raise UserError(
                f"{path} is not a checkpoint of this config's model: {len(keys)} tensors {fault} "
                f'(first: {keys[0]}; the model has {len(own)}); use the config it was trained with'
            )
    return own

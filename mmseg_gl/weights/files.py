"""Reading files of weights, and making sure that they are a network's, all of it."""

import hashlib
import os
import pickle
import zipfile

import torch
from mmengine.runner.checkpoint import get_torch_safe_globals

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
        check_sums(path)
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        if isinstance(error, pickle.UnpicklingError):  # torch advises to load it all the same
            reason = 'only tensors and plain values are read, since anything else could run code'
        raise UserError(f'{path} is damaged or not a PyTorch checkpoint ({reason})') from error
    weights = contents.get('state_dict', contents) if isinstance(contents, dict) else None
    if not isinstance(weights, dict) or not all(isinstance(name, str) for name in weights):
        raise UserError(f'{path} is not a checkpoint of a model; it holds no named tensors')
    return contents


def check_sums(path):
    """Raise an error unless the contents of a file have their check sums; torch does not look."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if name := archive.testzip():
                raise zipfile.BadZipFile(f'wrong check sum of {name}')


def tensors_of(contents):
    weights = contents.get('state_dict', contents)
    return {key: value for key, value in weights.items() if isinstance(value, torch.Tensor)}


def check_tensors(model, weights, path, prefix, what="this config's model"):
    """Return the model's tensors below ``prefix``; ``weights`` must have these and no others.

    An empty tensor takes its shape from what is loaded (``ImagePool``).

    Args:
        model (nn.Module): The network.
        weights (dict[str, Tensor]): What is to be loaded.
        path (str): The file that it comes from, for the message.
        prefix (str): Of the names that count.
        what (str): What to call the network in the message.

    Raises:
        UserError: When tensors are missing, have another shape, or are too many.
    """
    own = {key: value for key, value in model.state_dict().items() if key.startswith(prefix)}
    missing = [key for key in own if key not in weights]
    misshapen = [
        key
        for key, value in own.items()
        if key in weights and value.numel() and weights[key].shape != value.shape
    ]
    surplus = [key for key in weights if key.startswith(prefix) and key not in own]
    for keys, fault in (
        (missing, 'are missing from it'),
        (misshapen, 'have another shape in it'),
        (surplus, 'of it are not in the model'),
    ):
        if keys:
            raise UserError(
                f'{path} is not a checkpoint of {what}: {len(keys)} tensors {fault} '
                f'(first: {keys[0]}; the model has {len(own)}); use the config it was trained with'
            )
    return own


def weights_digest(module):
    """Return the SHA-256 of a module's tensors, names and all."""
    sha = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        sha.update(f'{name} {tensor.dtype} {tuple(tensor.shape)}'.encode())
        sha.update(tensor.cpu().numpy().tobytes())
    return sha.hexdigest()

"""Read checkpoint files and check that they cover a network exactly."""

import hashlib
import pickle
import zipfile
from collections.abc import Container, Iterable, Mapping
from typing import Any

import torch
from mmengine.runner.checkpoint import get_torch_safe_globals
from torch import Tensor, nn

from mmseg_gl.errors import UserError, check_is_file

MAX_NAMED = 5
CONTAINERS = ('state_dict', 'model')  # where files keep the tensors, if not at the top


def read_checkpoint(path: str) -> dict[str, Any]:
    """Read a checkpoint file with ``weights_only=True``.

    Args:
        path: File written by ``torch.save``.

    Returns:
        The contents of the file.

    Raises:
        UserError: When the file is missing or damaged, or holds other objects than tensors and
            plain values.
    """
    check_is_file(path, 'checkpoint')
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


def check_sums(path: str) -> None:
    """Verify the checksums of a file's contents, which ``torch.load`` does not.

    Raises:
        BadZipFile: When one is wrong.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if name := archive.testzip():
                raise zipfile.BadZipFile(f'wrong checksum of {name}')


def tensors_of(contents: dict) -> dict[str, Tensor]:
    """Return the named tensors of a checkpoint's contents."""
    nested = (contents[key] for key in CONTAINERS if isinstance(contents.get(key), dict))
    weights = next(nested, contents)
    return {key: value for key, value in weights.items() if isinstance(value, Tensor)}


def below(weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors whose names start with a prefix, with the prefix removed."""
    return {k.removeprefix(prefix): value for k, value in weights.items() if k.startswith(prefix)}


def difference(
    weights: Mapping[str, Tensor],
    shapes: Mapping[str, tuple | None],
    optional: Container[str] = (),
) -> str | None:
    """Describe how tensors differ from the expected ones, e.g. '2 tensors are missing: a, b'.

    Args:
        weights: The tensors by name.
        shapes: Expected shapes by name; None allows any shape.
        optional: Names of tensors that may be missing.

    Returns:
        The first kind of difference found, None if there is none.
    """
    faults = {
        'are missing': [name for name in shapes if name not in weights and name not in optional],
        'are unknown': [name for name in weights if name not in shapes],
        'have another shape': [
            f'{name} {tuple(weights[name].shape)} instead of {shape}'
            for name, shape in shapes.items()
            if shape is not None and name in weights and tuple(weights[name].shape) != shape
        ],
    }
    found = ((fault, names) for fault, names in faults.items() if names)
    return next((f'{len(names)} tensors {fault}: {first(names)}' for fault, names in found), None)


def first(names: Iterable[str]) -> str:
    """Format the first five names as text."""
    names = list(names)
    return ', '.join(names[:MAX_NAMED]) + (', ...' if len(names) > MAX_NAMED else '')


def check_tensors(
    module: nn.Module,
    weights: dict[str, Tensor],
    path: str,
    what: str = "this config's model",
) -> None:
    """Check that weights match the tensors of a module exactly.

    An empty tensor of the module takes its shape from the weights (``ImagePool``).

    Args:
        module: The network, or a part of it.
        weights: Weights to load into it.
        path: File that they come from, for the error message.
        what: Name of the module in the error message.

    Raises:
        UserError: When tensors are missing, unknown or of another shape.
    """
    own = module.state_dict().items()
    shapes = {key: tuple(value.shape) if value.numel() else None for key, value in own}
    if fault := difference(weights, shapes):
        raise UserError(
            f'{path} is not a checkpoint of {what}: {fault}; use the config it was trained with'
        )


def weights_digest(module: nn.Module) -> str:
    """Return the SHA-256 digest of a module's tensors and their names."""
    sha = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        sha.update(f'{name} {tensor.dtype} {tuple(tensor.shape)}'.encode())
        sha.update(tensor.cpu().numpy().tobytes())
    return sha.hexdigest()

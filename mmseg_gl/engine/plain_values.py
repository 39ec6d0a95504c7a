"""Convert checkpoints to tensors and plain values, which load without running code."""

from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch import Tensor

from mmseg_gl.errors import UserError


def history_from(values: Tensor, counts: Tensor, max_length: int) -> HistoryBuffer:
    """Build a HistoryBuffer from the values that :func:`plain` has converted it to."""
    return HistoryBuffer(values.cpu().numpy(), counts.cpu().numpy(), max_length)


def has_form(value: Any, form: Any) -> bool:
    """Return True if a value from a checkpoint has the expected types.

    Args:
        value: The value.
        form: A type (``float`` allows whole numbers, too), ``[form]`` for a list of any length, a
            tuple of forms for a list of that length, ``{str: form}`` for a dict with any names, or
            a dict of forms by name; the value may have further names.
    """
    if isinstance(form, dict) and str in form:
        return isinstance(value, dict) and all(
            isinstance(name, str) and has_form(entry, form[str]) for name, entry in value.items()
        )
    if isinstance(form, dict):
        return isinstance(value, dict) and all(
            name in value and has_form(value[name], entry) for name, entry in form.items()
        )
    if isinstance(form, (list, tuple)):
        if not isinstance(value, (list, tuple)):
            return False
        forms = form * len(value) if isinstance(form, list) else form
        return len(value) == len(forms) and all(map(has_form, value, forms))
    return isinstance(value, (int, float) if form is float else form)


def check_info(checkpoint: dict[str, Any], forms: dict[str, Any]) -> None:
    """Check entries of a checkpoint's message hub (``runtime_info``); missing ones are skipped.

    Args:
        checkpoint: Contents of the checkpoint.
        forms: Forms by name of the entry; see :func:`has_form`.

    Raises:
        ValueError: When an entry has another form.
    """
    info = checkpoint['message_hub']['runtime_info']
    for name in set(forms) & set(info):
        if not has_form(info[name], forms[name]):
            raise ValueError(f'the entry {name} of its message hub is damaged')


def form_of(value: Any) -> Any:
    """Return the form of a value; see :func:`has_form`."""
    if isinstance(value, dict):
        return {name: form_of(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return tuple(map(form_of, value))
    return float if type(value) in (int, float) else type(value)


def plain(value: Any, where: str) -> Any:
    """Convert a part of a checkpoint to tensors and plain values.

    Args:
        value: The part.
        where: Name of the part, for the error message.

    Raises:
        UserError: When it holds a value that cannot be converted.
    """
    if value is None or isinstance(value, torch.Tensor) or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, HistoryBuffer):
        values, counts = (torch.tensor(array) for array in value.data)
        return dict(values=values, counts=counts, max_length=value.max_length)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind in 'biuf':
        return torch.tensor(value)
    if isinstance(value, dict):
        return {plain(k, where): plain(v, f'{where}.{k}') for k, v in value.items()}
    if isinstance(value, (list, tuple, set)):
        items = [plain(item, f'{where}.{index}') for index, item in enumerate(value)]
        return items if isinstance(value, list) else tuple(items)
    raise UserError(
        f'the checkpoint cannot hold {where}, a {type(value).__name__}: the hook that stores '
        'it must use tensors, numbers, strings, lists and dicts'
    )

"""The contents of checkpoints as tensors and plain values, which load without running code."""

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

from mmseg_gl.errors import UserError


def history_from(values, counts, max_length):
    """Return the HistoryBuffer that :func:`plain` has taken apart."""
    history = HistoryBuffer(max_length=max_length)
    history._log_history, history._count_history = values.cpu().numpy(), counts.cpu().numpy()
    return history


def plain(value, where):
    """Return a part of a checkpoint as tensors and plain values.

    Args:
        value (object): The part.
        where (str): Its name, for the message.

    Raises:
        UserError: When it holds something else.
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
        f'the checkpoint cannot hold {where}, a {type(value).__name__}: whoever puts it there (a '
        'hook, or the message hub) must use tensors, numbers, texts, lists and dicts'
    )

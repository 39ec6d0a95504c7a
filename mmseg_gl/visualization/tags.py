"""Tags of scalars in TensorBoard and Weights & Biases, which group them by what precedes a slash.

Logs, metrics and options such as ``save_best`` keep the plain names.
"""

import re
from typing import Any

GROUPS = (  # a scalar's whole name, and its tag
    (r'loss_d_(.+)', r'discriminator/loss_\1'),
    (r'acc_d_(.+)', r'discriminator/acc_\1'),
    (r'loss_(.+)', r'loss/\1'),
    (r'(entropy|classes)_target', r'target/\1'),
    (r'IoU\.(.+)', r'IoU/\1'),
    (r'(.+)\.lr', r'lr/\1'),
    (r'time|data_time|memory', r'speed/\g<0>'),
)


def tag(name: str) -> str:
    """Return the tag of a scalar; a name that belongs to no group, or has a slash, stays."""
    for pattern, group in GROUPS:
        if '/' not in name and (match := re.fullmatch(pattern, name)):
            return match.expand(group)
    return name


def tagged(scalars: dict[str, Any]) -> dict[str, Any]:
    """Return the scalars of a record by tag.

    'iter' is left out, which is the step. Only records of training have it; the times of the others
    are the validation's.
    """
    validation = {'time': 'speed/validation_time', 'data_time': 'speed/validation_data_time'}
    names = {} if 'iter' in scalars else validation
    return {names.get(n) or tag(n): value for n, value in scalars.items() if n != 'iter'}

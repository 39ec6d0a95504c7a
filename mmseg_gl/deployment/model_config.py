"""Config of a segmentor alone: plain values that are safe to build a network from."""

import inspect
import re
from typing import Any

from mmseg.registry import MODELS

from mmseg_gl.engine.plain_values import plain
from mmseg_gl.errors import UserError
from mmseg_gl.models import MultiOutputEncoderDecoder

# Options for training only, or that name files: removed when a network is published.
REMOVED = ('init_cfg', 'pretrained', 'sampler', 'train_cfg')
# A text or a dict under such a name makes some network of mmseg read a file, or download one.
FILES = re.compile(r'init_cfg|pretrain|checkpoint|class_weight|file|(?<!drop_)path|url|_scope_')
PLACES = re.compile(r'[./\\:~]')  # in paths, URLs and dotted names; in no option of a network


def plain_model(segmentor: dict, data_preprocessor: dict) -> dict[str, Any]:
    """Return the config of a segmentor as plain values, with all that predictions depend on.

    Args:
        segmentor: Config of the segmentor.
        data_preprocessor: Config of the normalisation of its images.

    Raises:
        UserError: For values that cannot be written to a file.
    """
    model = dict(segmentor, data_preprocessor=data_preprocessor)
    if model['type'] == 'EncoderDecoder':  # as UDASegmentor builds it
        model['type'] = 'MultiOutputEncoderDecoder'
    cleaned: dict[str, Any] = plain(clean(model), 'model.segmentor')
    return cleaned


def clean(node: Any) -> Any:
    """Return a copy of a config without losses and pretrained weights, with names for types."""
    if isinstance(node, dict):
        kept = {key: clean(value) for key, value in node.items() if key not in REMOVED}
        return {**kept, 'loss_decode': []} if 'num_classes' in kept else kept  # of a head
    if isinstance(node, (list, tuple)):
        return type(node)(map(clean, node))
    if inspect.isclass(node):
        return node.__name__
    return node


def check_model(path: str, model: Any) -> None:
    """Check the config of a network that comes from a file of unknown origin.

    Building it then runs constructors of registered network parts only, and reads no other file.

    Args:
        path: The file, for the error message.
        model: The config.

    Raises:
        UserError: For anything else.
    """
    check_node(path, model, 'model')
    kind = MODELS.get(model['type']) if 'type' in model else None
    if not (inspect.isclass(kind) and issubclass(kind, MultiOutputEncoderDecoder)):
        raise UserError(
            f'{path}: its model is not one of mmseg_gl; publish it again with tools/publish.py'
        )


def check_node(path: str, node: Any, where: str) -> None:
    """Check a value inside the config of a network, and what is in it."""
    if isinstance(node, dict):
        for key, value in node.items():
            place = f'{where}.{key}'
            if key == 'type':
                check_type(path, value, place)
            elif FILES.search(str(key)) and (value is True or isinstance(value, (str, dict))):
                raise UserError(
                    f'{path} is not opened: its {place} names weights elsewhere, and a published '
                    'file has all weights in itself'
                )
            else:
                check_node(path, value, place)
    elif isinstance(node, (list, tuple)):
        for index, value in enumerate(node):
            check_node(path, value, f'{where}.{index}')
    elif isinstance(node, str) and PLACES.search(node):
        raise UserError(
            f'{path} is not opened: its {where}={node!r} looks like a path or an address, which no '
            'option of a network is'
        )


def check_type(path: str, name: Any, where: str) -> None:
    """Check that a type is the name of a registered part of a network."""
    if not is_registered(name):
        raise UserError(
            f'{path} is not opened: its {where}={name!r} is no registered network part; for one of '
            'your own, import the module that registers it first'
        )


def is_registered(name: Any) -> bool:
    """Return whether mmseg's registry of models, or one above it, has this very name.

    Asking the registry itself would import what a dotted name names.
    """
    registry = MODELS
    while registry is not None:
        registry.import_from_location()
        if isinstance(name, str) and name in registry.module_dict:
            return True
        registry = registry.parent
    return False

"""Classes of a config, set in one place: ``metainfo = dict(classes=(...), palette=[...])``."""

import inspect
import textwrap
from collections.abc import Iterable, Iterator

from mmengine.config import Config, ConfigDict
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_gl.config.arguments import LOADERS, OTHER_LOADERS
from mmseg_gl.config.metainfo import HOW, check_metainfo
from mmseg_gl.datasets.label_ids import IGNORED, TRAIN_ID_CLASSES
from mmseg_gl.datasets.palette import palette_of
from mmseg_gl.errors import UserError

WITH_DATA = (*LOADERS, OTHER_LOADERS)
PARTS = ('source', 'target', 'dataset', 'datasets')  # keys under which data sets hold others


def set_classes(cfg: Config, given: Iterable[str] = ()) -> None:
    """Apply the top-level ``metainfo`` of a config, if there is one, to its data sets and model.

    Each data set without its own ``metainfo`` gets it, and each ``num_classes`` below ``model``
    becomes the number of classes. Without a ``palette``, the colours are those of a data set that
    has all of these classes, or else default ones.

    Args:
        cfg: The config; changed in place.
        given: Dotted keys that the user has set by an option; they are not changed.

    Raises:
        UserError: If ``metainfo`` is malformed.
    """
    metainfo = cfg.get('metainfo')
    if metainfo is None:
        return
    check_metainfo('metainfo', metainfo)
    datasets = [dataset for _, dataset in data_sets(cfg, (*WITH_DATA, 'translation_dataset'))]
    classes, palette = tuple(metainfo['classes']), metainfo.get('palette')
    if palette is None:
        own = [known_metainfo(dataset) for dataset in datasets]
        own = [known for known in own if set(classes) <= set(known.get('classes', ()))]
        palette = palette_of(classes, own[0] if own else {})
    for dataset in datasets:
        if dataset.get('metainfo') is None:
            dataset['metainfo'] = dict(classes=classes, palette=[list(rgb) for rgb in palette])
    for where, part in parts_with_classes(cfg.get('model'), 'model'):
        if f'{where}.num_classes' not in given:
            part['num_classes'] = len(classes)


def check_classes(cfg: Config) -> None:
    """Check that all networks, data sets and labels of a config have the same classes.

    Raises:
        UserError: Naming the keys that differ.
    """
    counts = {
        f'{where}.num_classes': part['num_classes']
        for where, part in parts_with_classes(cfg.get('model'), 'model')
    }
    names = {}
    for where, dataset in data_sets(cfg, WITH_DATA):
        if classes := classes_of(where, dataset):
            names[where] = classes
            check_label_ids(where, dataset, classes)
    if not counts:  # no part of the model has classes
        return
    counts.update({f'the number of classes of {k}': len(v) for k, v in names.items()})
    if different := first_difference(counts):
        (first, one), (second, other) = different
        raise UserError(
            f'{first} is {one}, but {second} is {other}: give all heads and data sets the same '
            f'classes, most simply at the top of the config: {HOW}'
        )
    if different := first_difference(names):
        (first, one), (second, other) = different
        raise UserError(
            f'{first} has the classes {in_words(one)}, but {second} has {in_words(other)}: give '
            f'all data sets the same list, most simply at the top of the config: {HOW}'
        )


def first_difference(values: dict) -> tuple[tuple, tuple] | None:
    """Return the first item of a dict and the first item with another value; None without one."""
    items = list(values.items())
    return next(((items[0], item) for item in items if item[1] != items[0][1]), None)


def data_sets(cfg: Config, keys: Iterable[str]) -> Iterator[tuple[str, ConfigDict]]:
    """Yield the data sets that read files below some top-level keys, with their dotted keys."""
    for key in keys:
        node = cfg.get(key)
        if node:
            yield from leaves(node, key)


def leaves(node: ConfigDict, where: str) -> Iterator[tuple[str, ConfigDict]]:
    """Yield the data sets inside a data loader, a data set or a list of them, with dotted keys."""
    if isinstance(node, list | tuple):
        for index, entry in enumerate(node):
            yield from leaves(entry, f'{where}.{index}')
        return
    if not isinstance(node, dict):
        return
    parts = [part for part in PARTS if node.get(part)]
    if not parts and 'type' in node:
        yield where, node
        return
    for part in parts or node:  # or named data loaders
        yield from leaves(node[part], f'{where}.{part}')


def parts_with_classes(node: object, where: str) -> Iterator[tuple[str, ConfigDict]]:
    """Yield the dicts inside a model that have ``num_classes``, with their dotted keys."""
    if isinstance(node, dict):
        if node.get('num_classes') is not None:
            yield where, node
        for key, value in node.items():
            yield from parts_with_classes(value, f'{where}.{key}')
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            yield from parts_with_classes(value, f'{where}.{index}')


def known_metainfo(dataset: ConfigDict) -> dict:
    """Return the ``METAINFO`` of a data set's type; empty without one."""
    return getattr(DATASETS.get(dataset['type']), 'METAINFO', {})


def classes_of(where: str, dataset: ConfigDict) -> tuple[str, ...]:
    """Return the names of a data set's classes; empty if they are unknown.

    Raises:
        UserError: If it has no classes, or its type does not accept them.
    """
    cls = DATASETS.get(dataset['type'])
    is_plain = inspect.isclass(cls) and issubclass(cls, BaseSegDataset)
    metainfo = dataset.get('metainfo')
    if metainfo is not None:
        check_metainfo(f'{where}.metainfo', metainfo)
    classes = tuple((metainfo or known_metainfo(dataset)).get('classes', ()))
    if not is_plain:
        return classes
    if not classes:
        raise UserError(
            f'{where}: a {dataset["type"]} has no classes of its own; name them at the top of the '
            f'config: {HOW}'
        )
    try:
        cls.get_label_map(classes)
    except ValueError as error:
        defaults = inspect.signature(cls.__init__).parameters
        suffixes = [
            f', {name}={dataset.get(name, defaults[name].default)!r}'
            for name in ('img_suffix', 'seg_map_suffix')
            if name in defaults or name in dataset
        ]
        raise UserError(
            f'{where}: a {dataset["type"]} accepts only its own classes or some of them, not '
            f"{in_words(classes)}; use type='BaseSegDataset'{''.join(suffixes)} and data_prefix"
        ) from error
    return classes


def check_label_ids(where: str, dataset: ConfigDict, classes: tuple[str, ...]) -> None:
    """Raise a UserError if the ids of LoadTrainIds do not match the classes of its data set."""
    for index, step in enumerate(dataset.get('pipeline') or ()):
        if step.get('type') != 'LoadTrainIds':
            continue
        key, ids = f'{where}.pipeline.{index}.ids', step.get('ids')
        if isinstance(ids, dict):
            for raw, number in ids.items():
                if len(classes) <= number != IGNORED:
                    raise UserError(
                        f'{key} maps {raw} to {number}, but there are {len(classes)} classes '
                        f'(0..{len(classes) - 1}, and 255 to ignore)'
                    )
        elif isinstance(ids, str) and not gives(classes, known_metainfo(dataset)):
            raise UserError(
                f"{key}={ids!r} yields Cityscapes' classes, but those of this "
                f'{dataset["type"]} are {in_words(classes)}: map the ids in its files to their '
                'numbers by ids={ID: NUMBER, ...}'
            )


def gives(classes: tuple[str, ...], known: dict) -> bool:
    """Return whether the data set can map trainIds to the numbers of these classes."""
    can_choose = tuple(known.get('classes', ())) == tuple(TRAIN_ID_CLASSES)
    is_choice = can_choose and set(classes) <= set(TRAIN_ID_CLASSES)
    return is_choice or classes == tuple(TRAIN_ID_CLASSES)


def in_words(classes: tuple[str, ...]) -> str:
    return textwrap.shorten(', '.join(classes), 100, placeholder=' ...')

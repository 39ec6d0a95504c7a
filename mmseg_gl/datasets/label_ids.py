"""Lookup tables from the raw label ids of each data set to class numbers.

A table has one entry per 8-bit id: a class number, 255 (IGNORED) for a known id that is not
evaluated, or IMPOSSIBLE for an id that the data set does not have. The named schemes map to the 19
Cityscapes trainIds.
"""

import numpy as np
import torch
from mmseg.datasets import CityscapesDataset

from mmseg_gl.errors import UserError

IGNORED = 255
IMPOSSIBLE = 254  # class numbers are smaller: there can be 254 classes
TRAIN_ID_CLASSES = CityscapesDataset.METAINFO['classes']  # their numbers are the trainIds

# Cityscapes id -> trainId (cityscapesScripts, labels.py); GTA5's labels use the same ids.
CITYSCAPES = {
    7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11, 25: 12,
    26: 13, 27: 14, 28: 15, 31: 16, 32: 17, 33: 18,
}  # fmt: skip

# SYNTHIA-RAND-CITYSCAPES class -> trainId, 19-class scheme (BDL, synthia_dataset.py). Terrain (16),
# truck (18) and train (20) hardly ever occur; parking, road work and lane marking are ignored.
SYNTHIA = {
    3: 0, 4: 1, 2: 2, 21: 3, 5: 4, 7: 5, 15: 6, 9: 7, 6: 8, 16: 9, 1: 10, 10: 11, 17: 12, 8: 13,
    18: 14, 19: 15, 20: 16, 12: 17, 11: 18,
}  # fmt: skip

# Name -> (ids that occur in the files, mapping); all other ids are errors.
SCHEMES: dict[str, tuple[set[int], dict[int, int]]] = {
    'gta5': ({*range(35), 255}, CITYSCAPES),
    'cityscapes': ({*range(35), 255}, CITYSCAPES),
    'synthia': (set(range(23)), SYNTHIA),
    'train_ids': ({*range(19), 255}, {i: i for i in range(19)}),
}


def renumber(labels: np.ndarray, label_map: dict[int, int] | None) -> np.ndarray:
    """Map trainIds to the numbers of the classes that a data set uses (``metainfo``'s classes).

    Args:
        labels: trainIds, uint8.
        label_map: mmseg's ``label_map``: trainId -> number among the chosen classes, or 255; None
            if all classes are used.

    Returns:
        uint8, of the same shape.
    """
    if label_map is None:
        return labels
    table = np.arange(256, dtype=np.uint8)
    table[list(label_map)] = list(label_map.values())
    return table[labels]


def lookup_table(ids: str | dict[int, int]) -> np.ndarray:
    """Build the lookup table from raw ids to class numbers.

    Args:
        ids: 'gta5', 'cityscapes', 'synthia', 'train_ids', or a mapping from the raw ids of your own
            data set to the numbers of its classes (all other ids are ignored).

    Returns:
        uint8, (256,).

    Raises:
        UserError: For an unknown name, an id outside 0..255 or a class number outside 0..253 and
            255.
    """
    if isinstance(ids, str):
        if ids not in SCHEMES:
            raise UserError(f'ids={ids!r} is unknown; choose from {", ".join(SCHEMES)} or a dict')
        known, mapping = SCHEMES[ids]
    else:
        if not ids:
            raise UserError(
                f'ids={ids!r}: expected a name ({", ".join(SCHEMES)}) or a dict that maps the ids '
                'of your labels to class numbers, e.g. {7: 0, 8: 1}'
            )
        known, mapping = set(range(256)), {int(raw): int(number) for raw, number in ids.items()}
        if bad := [raw for raw in mapping if raw not in range(256)]:
            raise UserError(f'ids maps the id {bad[0]}; ids in 8-bit files are 0..255')
        if bad := [n for n in mapping.values() if n not in (*range(IMPOSSIBLE), IGNORED)]:
            raise UserError(
                f'ids maps to {bad[0]}; class numbers are 0..{IMPOSSIBLE - 1}, and 255 to ignore'
            )
    table = np.full(256, IMPOSSIBLE, np.uint8)
    table[sorted(known)] = IGNORED
    for raw, number in mapping.items():
        table[raw] = number
    return table


def check_class_numbers(labels: np.ndarray | torch.Tensor, num_classes: int, what: str) -> None:
    """Check that labels hold only classes that the data set has.

    Args:
        labels: Class numbers, and 255 to ignore; any shape.
        num_classes: K.
        what: Name of the labels in the error message.

    Raises:
        UserError: If a label is neither 0..K-1 nor 255.
    """
    unknown = (labels >= num_classes) & (labels != IGNORED)
    if unknown.any():
        raise UserError(
            f'{what} has the class number {int(labels[unknown][0])}, but the data set has '
            f'{num_classes} classes (0..{num_classes - 1}, and 255 to ignore): correct the label, '
            'the ids that LoadTrainIds maps, or the list of classes'
        )

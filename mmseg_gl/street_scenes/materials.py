"""Materials of the scenes, and their class ids in the data sets."""

from enum import IntEnum

import numpy as np
from mmseg.datasets import CityscapesDataset


class Material(IntEnum):
    """What a pixel shows. The value is its id in Cityscapes' labelIds, which GTA5 shares."""

    CLUTTER = 0
    ROAD = 7
    SIDEWALK = 8
    BUILDING = 11
    FENCE = 13
    POLE = 17
    TRAFFIC_LIGHT = 19
    TRAFFIC_SIGN = 20
    VEGETATION = 21
    TERRAIN = 22
    SKY = 23
    PERSON = 24
    CAR = 26
    BUS = 28


SYNTHIA_IDS = {
    Material.CLUTTER: 0,
    Material.SKY: 1,
    Material.BUILDING: 2,
    Material.ROAD: 3,
    Material.SIDEWALK: 4,
    Material.FENCE: 5,
    Material.VEGETATION: 6,
    Material.POLE: 7,
    Material.CAR: 8,
    Material.TRAFFIC_SIGN: 9,
    Material.PERSON: 10,
    Material.TRAFFIC_LIGHT: 15,
    Material.TERRAIN: 16,
    Material.BUS: 19,
}
"""Class ids in the labels of SYNTHIA-RAND-CITYSCAPES; clutter is its void."""

COLOURS = dict(zip(CityscapesDataset.METAINFO['classes'], CityscapesDataset.METAINFO['palette']))
PALETTE = np.zeros((256, 3), np.uint8)
"""Cityscapes' RGB colours by material; clutter is black."""
for material in Material:
    PALETTE[material] = COLOURS.get(material.name.lower().replace('_', ' '), (0, 0, 0))

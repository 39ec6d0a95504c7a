"""What the scenes are made of, and what the data sets call it."""

from enum import IntEnum


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

LABEL_COLOURS = {
    Material.CLUTTER: (0, 0, 0),
    Material.ROAD: (128, 64, 128),
    Material.SIDEWALK: (244, 35, 232),
    Material.BUILDING: (70, 70, 70),
    Material.FENCE: (190, 153, 153),
    Material.POLE: (153, 153, 153),
    Material.TRAFFIC_LIGHT: (250, 170, 30),
    Material.TRAFFIC_SIGN: (220, 220, 0),
    Material.VEGETATION: (107, 142, 35),
    Material.TERRAIN: (152, 251, 152),
    Material.SKY: (70, 130, 180),
    Material.PERSON: (220, 20, 60),
    Material.CAR: (0, 0, 142),
    Material.BUS: (0, 60, 100),
}
"""Cityscapes' RGB colours of the classes, 0 to 255."""

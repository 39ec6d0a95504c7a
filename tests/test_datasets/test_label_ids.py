"""The lookup tables, against the published label lists written down by name."""

import numpy as np
import pytest
from mmseg.datasets import CityscapesDataset

from mmseg_gl.datasets.label_ids import IGNORED, IMPOSSIBLE, lookup_table, renumber
from mmseg_gl.errors import UserError

CLASSES = CityscapesDataset.METAINFO['classes']

# cityscapesScripts, helpers/labels.py: the names of ids 0..33 (34 occurs in GTA5 only).
CITYSCAPES_NAMES = (
    'unlabeled, ego vehicle, rectification border, out of roi, static, dynamic, ground, road, '
    'sidewalk, parking, rail track, building, wall, fence, guard rail, bridge, tunnel, pole, '
    'polegroup, traffic light, traffic sign, vegetation, terrain, sky, person, rider, car, truck, '
    'bus, caravan, trailer, train, motorcycle, bicycle'
).split(', ')

# The readme of SYNTHIA-RAND-CITYSCAPES: classes 0..22, in Cityscapes' words where they exist.
SYNTHIA_NAMES = (
    'void, sky, building, road, sidewalk, fence, vegetation, pole, car, traffic sign, person, '
    'bicycle, motorcycle, parking, road work, traffic light, terrain, rider, truck, bus, train, '
    'wall, lane marking'
).split(', ')


def train_id(name):
    return CLASSES.index(name) if name in CLASSES else IGNORED


@pytest.mark.parametrize(
    'ids, names', [('gta5', CITYSCAPES_NAMES), ('synthia', SYNTHIA_NAMES), ('train_ids', CLASSES)]
)
def test_each_id_becomes_the_class_of_its_name(ids, names):
    table = lookup_table(ids)
    assert table.dtype == np.uint8 and table.shape == (256,)
    assert table[: len(names)].tolist() == [train_id(name) for name in names]
    assert set(range(19)) <= set(table.tolist())


def test_ids_that_a_data_set_does_not_have_are_impossible():
    assert lookup_table('gta5')[34] == lookup_table('gta5')[255] == IGNORED
    assert set(lookup_table('gta5')[35:255]) == {IMPOSSIBLE}
    assert set(lookup_table('synthia')[23:]) == {IMPOSSIBLE}
    assert set(lookup_table('train_ids')[19:255]) == {IMPOSSIBLE}
    assert lookup_table('train_ids')[255] == IGNORED


def test_cityscapes_and_gta5_share_their_ids():
    np.testing.assert_array_equal(lookup_table('cityscapes'), lookup_table('gta5'))


def test_a_mapping_of_ones_own_ignores_all_other_ids():
    table = lookup_table({1: 0, '200': 18, 3: 255, 4: 253})
    assert (table[1], table[200], table[4]) == (0, 18, 253)
    assert (np.delete(table, [1, 200, 4]) == IGNORED).all()


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(UserError, match="ids='gta'.* gta5, cityscapes"):
        lookup_table('gta')


@pytest.mark.parametrize('bad', [256, -1, 254])
def test_class_number_out_of_range(bad):
    with pytest.raises(UserError, match=f'ids .* {bad}; .* 0..253'):
        lookup_table({1: bad})


@pytest.mark.parametrize('raw', [-1, 256, 300])
def test_raw_id_that_no_8_bit_file_holds(raw):
    with pytest.raises(UserError, match=f'ids .* {raw}; .* 0..255'):
        lookup_table({1: 2, raw: 0})


def test_renumber_by_the_chosen_classes():
    labels = np.uint8([[0, 1, 18], [9, 255, 2]])
    assert renumber(labels, None) is labels
    chosen = renumber(labels, {0: 1, 1: 0, 2: 255, 9: 255, 18: 2})
    assert chosen.dtype == np.uint8
    assert chosen.tolist() == [[1, 0, 2], [255, 255, 255]]

"""LabelWriter: which numbers and colours the PNGs of predictions have."""

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmseg.datasets import CityscapesDataset

from mmseg_gl.datasets.label_writer import LabelWriter

COLOURS = dict(zip(*CityscapesDataset.METAINFO.values()))
CHOICE = ('sky', 'road', 'car')  # trainIds 10, 0 and 13


@pytest.fixture(autouse=True)
def mmseg_scope():
    init_default_scope('mmseg')


@pytest.mark.parametrize(
    'classes, ids, pixels',
    [
        (tuple(COLOURS), 'gta5', [0, 1, 2]),
        (CHOICE, 'gta5', [10, 0, 13]),
        (CHOICE, {23: 0, 7: 1, 26: 2}, [0, 1, 2]),
        (CHOICE, None, [0, 1, 2]),
        (('flat', 'sky', 'moving'), {7: 0}, [0, 1, 2]),
    ],
)
def test_numbers_and_colours(classes, ids, pixels):
    pipeline = [dict(type='LoadTrainIds', ids=ids)] if ids else []
    palette = [[7 * i, 9, 200 - i] for i in range(len(classes))]
    metainfo = dict(classes=classes, palette=palette)
    cfg = dict(type='GTA5Dataset', data_root='nowhere', metainfo=metainfo, pipeline=pipeline)
    picture = LabelWriter(cfg).picture(np.int64([[0, 1, 2, 255]]))
    assert picture.mode == 'P'
    assert np.asarray(picture).tolist() == [[*pixels, 255]]
    assert np.asarray(picture.convert('RGB')).tolist() == [[*palette[:3], [0, 0, 0]]]

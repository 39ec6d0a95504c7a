"""CamVidDataset: the SegNet tutorial's layout, folders and sequences, labels in their place."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_gl.config.load import load_config
from mmseg_gl.datasets import CamVidDataset
from mmseg_gl.datasets.inspection import list_files
from mmseg_gl.errors import UserError

CONFIG = Path(__file__).parents[2] / 'configs/_base_/datasets/camvid_day_to_dusk.py'
DUSK = ('0001TP',)
DAY = ('0016E5', '0006R0', 'Seq05VD')


@pytest.fixture(autouse=True)
def mmseg_scope():
    init_default_scope('mmseg')


def frames(folder, **kwargs):
    dataset = CamVidDataset(data_root=str(folder), pipeline=[], **kwargs)
    paths = [dataset.get_data_info(i)['img_path'] for i in range(len(dataset))]
    return [path.removeprefix(f'{folder}/').removesuffix('.png') for path in paths]


@pytest.mark.parametrize(
    'kwargs, expected',
    [
        (dict(folders='val'), ['val/0016E5_07959']),
        (dict(folders=('train',), sequences=DUSK), ['train/0001TP_006690', 'train/0001TP_006720']),
        (dict(folders=('test',), sequences='Seq05VD'), ['test/Seq05VD_f00000']),
        (
            dict(folders=('train', 'test'), sequences=DAY),
            ['train/0006R0_f00930', 'train/0016E5_00390', 'test/Seq05VD_f00000'],
        ),
    ],
)
def test_folders_and_sequences(camvid, kwargs, expected):
    assert frames(camvid, **kwargs) == expected


def test_all_frames_have_their_labels(camvid):
    cfg = dict(type='CamVidDataset', data_root=str(camvid), pipeline=[dict(type='LoadTrainIds')])
    files = list_files('source', cfg)  # raises an error if a label is missing
    assert len(files) == 8
    for image, label in files:
        folder, name = os.path.split(image)
        assert label == os.path.join(f'{folder}annot', name)


def test_no_sequences_are_no_frames(camvid):
    with pytest.raises(UserError):
        frames(camvid, sequences=())
    with pytest.raises(UserError, match='ann_file'):
        frames(camvid, ann_file='list.txt')


def test_jpeg_images(camvid, tmp_path):
    own = shutil.copytree(camvid, tmp_path / 'camvid')
    for path in own.glob('t*/*.png'):
        if 'annot' not in str(path):
            Image.open(path).save(path.with_suffix('.jpg'))
            path.unlink()
    assert len(frames(own)) == 8


def test_unlabelled_pixels_are_ignored(camvid):
    cfg = load_config(CONFIG, {'val_dataloader.dataset.data_root': str(camvid)}, required=())
    dataset = DATASETS.build(cfg.val_dataloader.dataset)
    label = dataset[0]['data_samples'].gt_sem_seg.data.numpy()[0]
    assert label.shape == (36, 48)
    np.testing.assert_array_equal(label[0], np.repeat([*range(11), 255], 4))
    assert dataset.metainfo['palette'] == CamVidDataset.METAINFO['palette']

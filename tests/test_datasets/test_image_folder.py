"""ImageFolderDataset: any nested folder of images as the target."""

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from PIL import Image

from mmseg_gl.datasets import ImageFolderDataset, UDADataset
from mmseg_gl.datasets.inspection import list_files
from mmseg_gl.errors import UserError

PIPELINE = [dict(type='LoadImage'), dict(type='PackSegInputs')]


@pytest.fixture
def folder(tmp_path):
    init_default_scope('mmseg')
    for name in ('b/day/2.JPG', 'a.png', 'b/1.jpeg', 'c.d/3.png'):
        path = tmp_path / 'photos' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((3, 5, 3), 90, np.uint8)).save(path)
    (tmp_path / 'photos' / 'notes.txt').write_text('no image')
    return tmp_path / 'photos'


def test_finds_images_in_subfolders_sorted(folder):
    dataset = ImageFolderDataset(data_root=str(folder), pipeline=PIPELINE)
    found = [dataset.get_data_info(i)['img_path'] for i in range(len(dataset))]
    names = ('a.png', 'b/1.jpeg', 'b/day/2.JPG', 'c.d/3.png')
    assert found == [str(folder / name) for name in names]


def test_suffix_of_ones_own(folder):
    assert len(ImageFolderDataset(data_root=str(folder), img_suffix='.png', pipeline=[])) == 2


def test_a_list_of_the_images(folder, tmp_path):
    path = tmp_path / 'list.txt'
    path.write_text('c.d/3.png\na.png\n\n')
    cfg = dict(type='ImageFolderDataset', data_root=str(folder), ann_file=str(path))
    names = [image for image, _ in list_files('target', cfg)]
    assert names == [str(folder / name) for name in ('c.d/3.png', 'a.png')]


def test_as_the_target(folder, street_scenes):
    source = dict(
        type='GTA5Dataset',
        data_root=str(street_scenes / 'GTA5'),
        pipeline=[PIPELINE[0], dict(type='LoadTrainIds', ids='gta5'), PIPELINE[1]],
    )
    target = dict(type='ImageFolderDataset', data_root=str(folder), pipeline=PIPELINE)
    dataset = UDADataset(source, target)
    samples = [dataset[0, n]['target'] for n in range(4)]
    assert {s['data_samples'].img_path for s in samples} == {
        str(path) for path in folder.rglob('*') if path.suffix in ('.png', '.jpeg', '.JPG')
    }
    assert all(s['inputs'].shape == (3, 3, 5) for s in samples)


def test_folder_without_images(tmp_path):
    cfg = dict(type='ImageFolderDataset', data_root=str(tmp_path), pipeline=PIPELINE)
    with pytest.raises(UserError, match='target .*\\.png or'):
        list_files('target', cfg)

"""What inspection finds by name, and what content_check finds inside the files."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope

from mmseg_gl.datasets.content_check import check_dataset
from mmseg_gl.datasets.inspection import check_files, datasets_of, list_files
from mmseg_gl.datasets.training_images import TrainingImages
from mmseg_gl.errors import UserError

CONFIGS = Path(__file__).parents[2] / 'configs'
PIPELINE = [dict(type='LoadImage'), dict(type='LoadTrainIds', ids='gta5')]


@pytest.fixture(autouse=True)
def mmseg_scope():
    init_default_scope('mmseg')


@pytest.fixture
def gta5(tmp_path, write_png):
    """Four 4x2 images labelled half road (7), half ignored (0), and their data set's config."""
    for i in range(4):
        write_png(tmp_path / f'GTA5/images/{i}.png', np.zeros((2, 4, 3), np.uint8))
        write_png(tmp_path / f'GTA5/labels/{i}.png', np.uint8([[7, 7, 0, 0]] * 2))
    return dict(type='GTA5Dataset', data_root=str(tmp_path / 'GTA5'), pipeline=PIPELINE)


def test_datasets_of_a_config():
    path = CONFIGS / 'adaptsegnet/adaptsegnet_deeplabv2-r101_gta5-to-cityscapes.py'
    cfg = Config.fromfile(path)
    assert list(datasets_of(cfg)) == ['source', 'target', 'val']  # test is the same as val
    assert list(datasets_of(cfg, ['test'])) == ['test']
    cfg.train_dataloader.dataset.target = None
    cfg.test_dataloader = Config(dict(dataset=dict(type='GTA5Dataset')))._cfg_dict
    assert list(datasets_of(cfg)) == ['source', 'val', 'test']
    assert datasets_of(Config()) == {}


def test_several_data_sets_have_numbers_and_other_test_sets_names():
    path = CONFIGS / 'adaptsegnet/adaptsegnet_deeplabv2-r101_gta5+synthia-to-cityscapes.py'
    cfg = Config.fromfile(path)
    assert list(datasets_of(cfg)) == ['source 1', 'source 2', 'target', 'val']
    cfg.other_test_dataloaders = dict(night=cfg.test_dataloader)
    assert list(datasets_of(cfg, ['train', 'val'])) == ['source 1', 'source 2', 'target', 'val']
    assert list(datasets_of(cfg, ['test'])) == ['test', 'night test']


def test_list_files_pairs_images_with_labels(gta5, tmp_path):
    expected = [
        (str(tmp_path / f'GTA5/images/{i}.png'), str(tmp_path / f'GTA5/labels/{i}.png'))
        for i in range(4)
    ]
    assert list_files('source', gta5) == expected
    unlabelled = {**gta5, 'pipeline': PIPELINE[:1]}
    assert list_files('target', unlabelled) == [(image, None) for image, _ in expected]


@pytest.mark.parametrize('name', ['../labels/0', '{root}/elsewhere/0', 'a/../../images/0'])
def test_listed_images_stay_in_their_folder(gta5, tmp_path, write_png, name):
    write_png(tmp_path / 'elsewhere/0.png', np.zeros((2, 4, 3), np.uint8))
    gta5['ann_file'] = str(tmp_path / 'list.txt')
    (tmp_path / 'list.txt').write_text(f'1\n{name.format(root=tmp_path)}\n')
    with pytest.raises(UserError, match=r'the source file .*/images'):
        list_files('source', gta5)


def test_listed_labels_stay_in_their_folder(gta5, tmp_path):
    gta5['ann_file'] = str(tmp_path / 'list.txt')
    (tmp_path / 'list.txt').write_text(f'{tmp_path}/GTA5/images/1\n')  # inside; its label is not
    with pytest.raises(UserError, match=r'images/1\.png .*/labels'):
        list_files('source', gta5)


def test_links_to_other_folders(gta5, tmp_path):
    (tmp_path / 'GTA5/images').rename(tmp_path / 'elsewhere')
    (tmp_path / 'GTA5/images').mkdir()
    (tmp_path / 'GTA5/images/1.png').symlink_to('../../elsewhere/1.png')
    assert len(list_files('source', gta5)) == 1


def test_check_files_looks_at_the_splits_asked_for(gta5, tmp_path):
    cfg = ConfigDict(
        train_dataloader=dict(dataset=dict(type='UDADataset', source=gta5)),
        val_dataloader=dict(dataset={**gta5, 'data_root': str(tmp_path / 'nowhere')}),
    )
    check_files(cfg, ['train'])
    with pytest.raises(UserError, match='the val images'):
        check_files(cfg, ['train', 'val'])


def test_label_train_ids_count_as_labels(tmp_path, write_png):
    write_png(tmp_path / 'images/a_leftImg8bit.png', np.zeros((2, 4, 3), np.uint8))
    write_png(tmp_path / 'labels/a_gtFine_labelTrainIds.png', np.uint8([[0, 1, 1, 1]] * 2))
    cfg = dict(
        type='CityscapesDataset',
        data_root=str(tmp_path),
        data_prefix=dict(img_path='images', seg_map_path='labels'),
        seg_map_suffix='_gtFine_labelIds.png',
        pipeline=[dict(type='LoadTrainIds', ids='cityscapes')],
    )
    assert len(list_files('val', cfg)) == 1
    report = check_dataset('val', cfg)
    assert (report.pixels[0], report.pixels[1]) == (2, 6) and not report.troubles


def test_all_is_well(gta5):
    report = check_dataset('source', gta5)
    assert not report.troubles
    assert (report.images, report.labels, report.opened) == (4, 4, 4)
    assert report.sizes == {(4, 2): 4}
    assert (report.pixels[0], report.pixels[255], report.pixels.sum()) == (16, 16, 32)
    text = '\n'.join(report.lines())
    assert '4 images, 4 labels; all opened' in text
    assert 'sizes: 4x2 (4 images)' in text
    assert 'road            50.00' in text and '(ignored)       50.00' in text
    assert 'never occur: sidewalk, building,' in text


def test_every_kind_of_trouble_is_found_and_named(gta5, tmp_path, write_png):
    root = tmp_path / 'GTA5'
    for i in range(4, 8):
        write_png(root / f'images/{i}.png', np.zeros((2, 4, 3), np.uint8))
        write_png(root / f'labels/{i}.png', np.full((2, 4), 7, np.uint8))
    (root / 'images/1.png').write_bytes((root / 'images/1.png').read_bytes()[:45])
    (root / 'labels/2.png').write_bytes(b'')
    write_png(root / 'labels/3.png', np.full((2, 4), 40, np.uint8))
    write_png(root / 'labels/4.png', np.full((2, 3), 7, np.uint8))
    os.remove(root / 'labels/5.png')
    write_png(root / 'images/6.png', np.zeros((1, 1, 3), np.uint8))
    report = check_dataset('source', gta5)
    found = {
        kind: [Path(s.split('.png')[0]).name for s in v] for kind, v in report.troubles.items()
    }
    assert found == {
        'images without labels': ['5'],
        'unreadable images': ['1'],
        'unreadable labels': ['2'],
        'labels with impossible ids': ['3'],
        'labels of another size than their image': ['4', '6'],
    }
    assert report.num_troubles == 6
    assert (report.images, report.labels) == (8, 7)
    assert report.sizes == {(4, 2): 6, (1, 1): 1}


@pytest.mark.parametrize(
    'resize', [dict(scale=(16, 8)), dict(scale=8), dict(scale=(16, 8), keep_ratio=True)]
)
def test_translated_images_are_smaller_than_their_labels(gta5, tmp_path, write_png, resize):
    write_png(tmp_path / 'GTA5/labels/0.png', np.repeat(np.uint8([[7], [7], [0], [0]]), 8, axis=1))
    assert check_dataset('source', gta5).num_troubles == 1
    gta5['pipeline'] = [*PIPELINE, dict(type='Resize', **resize)]
    assert check_dataset('source', gta5).num_troubles == 0
    gta5['pipeline'] = [*PIPELINE, dict(type='Resize', scale_factor=2.0)]
    assert check_dataset('source', gta5).num_troubles == 1
    gta5['pipeline'] = [*PIPELINE, dict(type='PackSegInputs')]
    images = TrainingImages('source', dict(source=gta5), gta5['pipeline'], num_images=4)
    assert images[0]['data_samples'].gt_sem_seg.data.tolist() == [[[0] * 4, [255] * 4]]


def test_the_pipelines_limits_of_pixels_count(gta5):
    image, label = (dict(step, max_megapixels=7e-6) for step in PIPELINE)
    for pipeline, kind in (
        ([image, PIPELINE[1]], 'unreadable images'),
        ([PIPELINE[0], label], 'unreadable labels'),
    ):
        report = check_dataset('source', dict(gta5, pipeline=pipeline))
        assert list(report.troubles) == [kind] and 'max_megapixels' in report.lines()[-1]


def test_processes_find_the_same_in_the_same_order(gta5, tmp_path):
    for name in ('0', '3'):
        (tmp_path / f'GTA5/labels/{name}.png').write_bytes(b'')
    alone = check_dataset('source', gta5)
    together = check_dataset('source', gta5, workers=2)
    assert together.lines() == alone.lines()


def test_at_most_five_files_are_named_per_kind(gta5, tmp_path, write_png):
    for i in range(7):
        write_png(tmp_path / f'GTA5/images/{i}.png', np.zeros((2, 4, 3), np.uint8))
        (tmp_path / f'GTA5/labels/{i}.png').write_bytes(b'')
    lines = check_dataset('source', gta5).lines()
    start = lines.index('  PROBLEM: unreadable labels (7)')
    named = lines[start + 1 : start + 6]
    assert all(f'/{i}.png' in line for i, line in enumerate(named))
    assert lines[start + 6 :] == ['    ... and 2 more']


def test_max_images_are_spread(gta5, tmp_path):
    for name in ('0', '1', '3'):
        (tmp_path / f'GTA5/labels/{name}.png').write_bytes(b'')
    report = check_dataset('source', gta5, max_images=2)  # the first and the last
    assert (report.images, report.opened, report.num_troubles) == (4, 2, 2)
    assert '4 images, 4 labels; 2 images opened' in report.lines()[1]


def test_target_labels_stay_closed(gta5, tmp_path):
    gta5['pipeline'] = PIPELINE[:1]
    for path in (tmp_path / 'GTA5/labels').iterdir():
        path.write_bytes(b'garbage')
    report = check_dataset('target', gta5)
    assert not report.troubles and report.labels is None
    assert '4 images, labels are not used; all opened' in report.lines()[1]


def test_labels_that_another_transform_reads_are_not_checked_silently(gta5):
    gta5['pipeline'] = [dict(type='LoadAnnotations')]
    assert 'only labels that LoadTrainIds reads' in ' '.join(check_dataset('source', gta5).notes)


def test_incomplete_release_is_a_note(gta5, tmp_path):
    report = check_dataset('source', gta5)
    assert report.notes == ['the complete release has 24966 images'] and not report.troubles
    (tmp_path / 'street_scenes.json').write_text(json.dumps({}))
    assert check_dataset('source', gta5).notes == []


def test_cityscapes_releases_by_split(tmp_path, write_png):
    for split, expected in (('train', 2975), ('val', 500)):
        image = tmp_path / f'cityscapes/leftImg8bit/{split}/ulm/a_leftImg8bit.png'
        write_png(image, np.zeros((2, 4, 3), np.uint8))
        cfg = dict(
            type='CityscapesDataset',
            data_root=str(tmp_path / 'cityscapes'),
            data_prefix=dict(img_path=f'leftImg8bit/{split}'),
            pipeline=[],
        )
        report = check_dataset(split, cfg)
        assert report.notes == [f'the complete release has {expected} images']


def test_labels_that_are_read_after_a_flip(gta5):
    load_image, load_labels = gta5['pipeline']
    gta5['pipeline'] = [load_image, load_labels, dict(type='RandomFlip')]
    list_files('source', gta5)
    gta5['pipeline'] = [load_image, dict(type='RandomFlip'), load_labels]
    with pytest.raises(UserError, match='RandomFlip before LoadTrainIds'):
        list_files('source', gta5)


def test_a_list_that_names_a_missing_image(gta5, tmp_path):
    gta5['ann_file'] = str(tmp_path / 'list.txt')
    (tmp_path / 'list.txt').write_text('1\n3\n')
    assert len(list_files('source', gta5)) == 2
    (tmp_path / 'list.txt').write_text('1\n9\n')
    with pytest.raises(UserError, match='list.txt names .*9.png'):
        list_files('source', gta5)


def test_training_images_are_read_as_in_training(gta5):
    pipeline = [*PIPELINE, dict(type='PackSegInputs')]
    small = [dict(type='LoadImage', max_megapixels=1e-6), *pipeline[1:]]
    images = TrainingImages('source', dict(source=dict(gta5, pipeline=pipeline)), small, 4)
    assert 'gt_sem_seg' in images[3]['data_samples']


@pytest.mark.parametrize('indices, names', [(1, '0'), (-2, '23'), ([3, 1], '31')])
def test_a_part_of_the_images(gta5, indices, names):
    gta5['indices'] = indices
    assert [Path(image).stem for image, _ in list_files('source', gta5)] == list(names)
    gta5['indices'] = [9]
    with pytest.raises(UserError, match=r'indices=\[9\]'):
        list_files('source', gta5)


def test_label_train_ids_are_for_cityscapes_alone(gta5, tmp_path):
    gta5.update(seg_map_suffix='_labelIds.png')
    for path in (tmp_path / 'GTA5/labels').iterdir():
        path.rename(path.with_name(f'{path.stem}_labelTrainIds.png'))
    with pytest.raises(UserError, match='have no label'):
        list_files('source', gta5)
    gta5['pipeline'] = [PIPELINE[0], dict(type='LoadTrainIds', ids='cityscapes')]
    assert len(list_files('source', gta5)) == 4

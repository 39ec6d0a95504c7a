"""LoadPseudoLabels in a pipeline, and what inspection and content_check say of its folder."""

import json
import os

import numpy as np
import pytest
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from PIL import Image

from mmseg_gl.datasets import UDADataset
from mmseg_gl.datasets.content_check import check_dataset
from mmseg_gl.datasets.inspection import list_files, list_images
from mmseg_gl.datasets.training_images import TrainingImages
from mmseg_gl.errors import UserError

LABEL = np.uint8([[0, 1, 18, 255]] * 2)


@pytest.fixture(autouse=True)
def mmseg_scope():
    init_default_scope('mmseg')


@pytest.fixture
def folder(tmp_path, write_png):
    """A folder of pseudo labels, 4x2, of three images of 8x4; blue grows to the right."""
    pixels = np.zeros((4, 8, 3), np.uint8)
    pixels[..., 2] = 10 * np.arange(8)
    for i in range(3):
        write_png(tmp_path / f'photos/{i}/image_{i}.png', pixels)
        write_png(tmp_path / f'labels/image_{i}.png', LABEL)
    return tmp_path / 'labels'


def steps(folder, *more):
    resize = dict(type='Resize', scale=(4, 2), keep_ratio=False, backend='pillow')
    return [
        dict(type='LoadImage'),
        resize,
        dict(type='LoadPseudoLabels', folder=str(folder)),
        *more,
    ]


def load(folder, pipeline=None):
    image = folder.parent / 'photos/0/image_0.png'
    return Compose(pipeline or steps(folder))(dict(img_path=str(image), seg_fields=[]))


def target(folder):
    root = str(folder.parent / 'photos')
    return dict(type='ImageFolderDataset', data_root=root, pipeline=steps(folder))


def summarise(folder, **contents):
    (folder / 'pseudo_labels.json').write_text(json.dumps(contents))


@pytest.mark.parametrize('palette', [True, False])
def test_labels_are_read_as_they_are(folder, palette):
    image = Image.fromarray(LABEL)
    if palette:
        image.putpalette([(7 * i) % 256 for i in range(768)])
    image.save(folder / 'image_0.png')
    results = load(folder)
    np.testing.assert_array_equal(results['gt_seg_map'], LABEL)
    assert results['gt_seg_map'].dtype == np.uint8 and results['seg_fields'] == ['gt_seg_map']


def test_labels_flip_with_their_images(folder):
    more = [dict(type='RandomFlip', prob=0.5), dict(type='PackSegInputs')]
    flips = set()
    for _ in range(40):
        packed = load(folder, steps(folder, *more))
        blue = packed['inputs'][0, 0]
        flipped = bool(blue[0] > blue[-1])
        labels = packed['data_samples'].gt_sem_seg.data[0].numpy()
        np.testing.assert_array_equal(labels, LABEL[:, ::-1] if flipped else LABEL)
        flips.add(flipped)
    assert flips == {False, True}


def test_a_source_with_pseudo_labels_in_a_validation(folder):
    source = target(folder)
    source['pipeline'] = steps(folder, dict(type='PackSegInputs'))
    whole = [dict(type='LoadImage'), dict(type='PackSegInputs')]
    sample = TrainingImages('source', dict(source=source), whole, num_images=3)[0]['data_samples']
    assert sample.img_shape == (2, 4) and sample.ori_shape == (4, 8)
    assert sample.gt_sem_seg.data[0].tolist() == np.kron(LABEL, np.ones((2, 2))).tolist()


def test_order_of_the_pipeline(folder):
    load_image, resize, load_labels = steps(folder)
    with pytest.raises(UserError, match='image_0.png is 4x2.* 8x4'):
        load(folder, [load_image, load_labels, resize])


@pytest.mark.parametrize(
    'pixels',
    [np.zeros((4, 8), np.uint8), np.zeros((2, 4, 3), np.uint8), np.zeros((2, 4), np.uint16), None],
    ids=['size', 'colour', '16 bits', 'truncated'],
)
def test_bad_label(folder, write_png, pixels):
    path = folder / 'image_0.png'
    if pixels is None:
        path.write_bytes(path.read_bytes()[:40])
    else:
        write_png(path, pixels)
    with pytest.raises(UserError, match=str(path)):
        load(folder)


def test_files_pair_images_with_pseudo_labels(folder):
    expected = [
        (f'{folder.parent}/photos/{i}/image_{i}.png', f'{folder}/image_{i}.png') for i in range(3)
    ]
    assert list_images('target', target(folder)) == expected
    assert list_files('target', target(folder)) == expected
    summarise(folder, complete=True)
    assert list_files('target', target(folder)) == expected


@pytest.mark.parametrize('number', [19, 254])
def test_class_that_there_is_not(folder, write_png, number):
    for i in range(3):
        write_png(folder / f'image_{i}.png', np.full((2, 4), number, np.uint8))
    cfg = target(folder)
    report = check_dataset('target', cfg)
    assert len(report.troubles['labels with impossible ids']) == report.num_troubles == 3
    cfg['pipeline'].append(dict(type='PackSegInputs'))
    with pytest.raises(UserError, match=f'image_.*png .*{number}'):
        UDADataset(cfg)[0]


def make_trouble(folder, write_png, kind):
    if kind == 'folder':
        folder.rename(folder.parent / 'elsewhere')
    elif kind == 'empty':
        for path in folder.iterdir():
            path.unlink()
    elif kind == 'missing':
        os.remove(folder / 'image_1.png')
    elif kind == 'surplus':
        write_png(folder / 'image_7.png', LABEL)
    elif kind == 'incomplete':
        summarise(folder, complete=False, command='python tools/pseudo_label.py A B --out C')
    elif kind == 'summary':
        (folder / 'pseudo_labels.json').write_text('{')
    else:
        write_png(folder.parent / 'photos/3/image_0.png', np.zeros((2, 4, 3), np.uint8))


@pytest.mark.parametrize(
    'kind, named',
    [
        ('folder', 'labels'),
        ('empty', 'labels'),
        ('missing', 'image_1.png'),
        ('surplus', 'image_7.png'),
        ('incomplete', 'python tools/pseudo_label.py A B --out C'),
        ('summary', 'pseudo_labels.json'),
        ('duplicate', '0/image_0.png .*3/image_0.png'),
    ],
)
def test_trouble_is_found_before_training(folder, write_png, kind, named):
    make_trouble(folder, write_png, kind)
    with pytest.raises(UserError, match=named):
        list_files('target', target(folder))
    report = check_dataset('target', target(folder))
    assert report.num_troubles == 1
    assert report.opened == 3 + (kind == 'duplicate')


def test_check_data_opens_the_labels(folder, write_png):
    report = check_dataset('target', target(folder))
    assert not report.troubles and report.notes == []
    assert report.pixels[[0, 1, 18, 255]].tolist() == [6, 6, 6, 6]
    write_png(folder / 'image_0.png', np.zeros((4, 8), np.uint8))  # the image's own size is wrong
    write_png(folder / 'image_1.png', np.full((2, 4), 40, np.uint8))
    (folder / 'image_2.png').write_bytes(b'')
    report = check_dataset('target', target(folder), workers=2)
    assert {kind: len(found) for kind, found in report.troubles.items()} == {
        'labels of another size than their image': 1,
        'labels with impossible ids': 1,
        'unreadable labels': 1,
    }


def test_pseudo_labels_without_a_resize_have_the_images_size(folder, write_png):
    cfg = target(folder)
    del cfg['pipeline'][1]
    assert check_dataset('target', cfg).num_troubles == 3
    for i in range(3):
        write_png(folder / f'image_{i}.png', np.zeros((4, 8), np.uint8))
    assert check_dataset('target', cfg).num_troubles == 0

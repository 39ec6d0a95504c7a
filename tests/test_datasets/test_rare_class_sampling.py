"""RareClassSampling: probabilities, the rule for crops, and items as functions of (seed, n)."""

import math
import shutil
from collections import Counter
from itertools import islice

import numpy as np
import pytest
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from torch.utils.data import DataLoader

from mmseg_gl.datasets import RareClassSampling, UDADataset, UDASampler
from mmseg_gl.errors import UserError

ROAD, CAR, VOID = 7, 26, 0  # Cityscapes ids
SIZE = 8, 40
# Pixels of a car in each image, at its right end; the rest is road. The last one is void.
CARS = 0, 0, 10, 60, 0, 320
NUMBERS = dict(road=0, car=13)  # classes


@pytest.fixture(scope='module', autouse=True)
def mmseg_scope():
    init_default_scope('mmseg')


@pytest.fixture(scope='module')
def folder(tmp_path_factory, write_png):
    """Images whose red value is their index, and blue value the column; 8 pixels make a column."""
    folder = tmp_path_factory.mktemp('data')
    columns = np.zeros((*SIZE, 3), np.uint8)
    columns[..., 2] = np.arange(SIZE[1])
    for name, first in (('source', 0), ('second', 100)):
        for index, cars in enumerate(CARS):
            label = np.full(SIZE[::-1], ROAD, np.uint8).ravel()
            label[len(label) - cars :] = CAR
            label = label.reshape(SIZE[::-1]).T  # column by column
            image = columns + np.uint8([first + index, 0, 0])
            write_png(folder / f'{name}/images/{index}.png', image)
            write_png(folder / f'{name}/labels/{index}.png', label)
    return folder


def source_cfg(folder, name='source', crop=None, **kwargs):
    crops = [dict(type='RandomCrop', crop_size=crop)] if crop else []
    load = [dict(type='LoadImage'), dict(type='LoadTrainIds', ids='gta5')]
    pipeline = [*load, *crops, dict(type='RandomFlip', prob=0.5), dict(type='PackSegInputs')]
    root = str(folder / name)
    return dict(type='GTA5Dataset', data_root=root, pipeline=pipeline, **kwargs)


def sampled(source, target=None, **options):
    sampling = dict(type='RareClassSampling', **{'min_pixels': 5, 'min_crop_ratio': 0, **options})
    return UDADataset(source, target, source_sampling=sampling)


def signature(item):
    """The image of each domain, its first column and its last one."""
    return {
        name: (int(sample['inputs'][2, 0, 0]), *sample['inputs'][0, 0, [0, -1]].tolist())
        for name, sample in item.items()
    }


def straight_line_probabilities(counts, temperature):
    """softmax((1 - f) / T) for counts without zeros, in plain Python."""
    total = sum(counts)
    exponents = [math.exp((1 - count / total) / temperature) for count in counts]
    return [value / sum(exponents) for value in exponents]


@pytest.mark.parametrize('temperature', [0.01, 0.1, 2.0, math.inf])
def test_probabilities(temperature):
    pixels = np.random.default_rng(0).integers(1, 1000, (20, 5)) ** 2
    sampling = RareClassSampling(temperature, min_pixels=0)
    sampling.set_pixels(pixels)
    expected = straight_line_probabilities(pixels.sum(axis=0).tolist(), temperature)
    np.testing.assert_allclose(sampling.probabilities, expected, rtol=1e-12)


def test_tiny_temperatures_draw_the_rarest_class():
    sampling = RareClassSampling(1e-310, min_pixels=0)
    sampling.set_pixels(np.array([[5, 1, 3]]))
    assert sampling.probabilities.tolist() == [0, 1, 0]


def test_classes_are_drawn_by_their_probabilities_and_images_evenly():
    pixels = np.array([[900, 0, 40], [800, 3, 30], [700, 0, 20], [0, 0, 0]])
    sampling = RareClassSampling(temperature=1.0, min_pixels=20)
    sampling.set_pixels(pixels)
    total = pixels.sum()
    shares = np.exp(-pixels.sum(axis=0)[[0, 2]] / total)
    np.testing.assert_allclose(sampling.probabilities, shares / shares.sum())
    assert sampling.classes.tolist() == [0, 2]  # class 1: nowhere more than 20 pixels
    drawn = Counter(sampling.draw((0, n)) for n in range(6000))
    assert set(drawn) == {(0, 0), (0, 1), (0, 2), (2, 0), (2, 1)}  # more than 20, not 20
    for rank, images in enumerate((3, 2)):
        number = sampling.classes[rank]
        expected = 6000 * sampling.probabilities[rank] / images
        for image in range(images):
            assert drawn[number, image] == pytest.approx(expected, rel=0.1)


def test_items_of_a_class_come_from_its_images(folder, caplog):
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    dataset = sampled(source_cfg(folder))
    logger.removeHandler(caplog.handler)
    assert 'leaves out sidewalk, building' in caplog.text and '5 pixels' in caplog.text
    sampling = dataset.sampling
    assert sampling.classes.tolist() == [NUMBERS['road'], NUMBERS['car']]
    total = 320 * len(CARS)
    expected = straight_line_probabilities([total - sum(CARS), sum(CARS)], 0.01)
    np.testing.assert_allclose(sampling.probabilities, expected, rtol=1e-9)
    images = Counter(signature(dataset[0, n])['source'][0] for n in range(300))
    assert set(images) == {2, 3, 5}  # road is hardly ever drawn
    assert all(70 < count < 130 for count in images.values())


def test_crops_show_the_class(folder):
    """Image 3 has cars in 7.5 of 40 columns, 33 crops of 8: an eighth of them have 33 pixels."""
    cfg = source_cfg(folder, crop=8, indices=[3])
    least = 33
    dataset = sampled(cfg, min_pixels=11, min_crop_ratio=3)
    alone = sampled(cfg, min_pixels=11)
    shares = []
    for pairs in (dataset, alone):
        labels = [pairs[0, n]['source']['data_samples'].gt_sem_seg.data for n in range(200)]
        shares.append(np.mean([(label == 13).sum() > least for label in labels]))
    enough = 4 / 33  # columns of cars: 7.5, 6.5, 5.5, 4.5 and 3.5, of which 33 pixels is too few
    assert shares[1] == pytest.approx(enough, abs=0.08)
    assert shares[0] == pytest.approx(1 - (1 - enough) ** 11, abs=0.08)


class Recorded:
    """A data set whose items have so many pixels of class 1, one after the other."""

    def __init__(self, folder, counts):
        self.item = UDADataset(source_cfg(folder))[0]['source']
        self.counts, self.indices = list(counts), []

    def __getitem__(self, index):
        self.indices.append(index)
        label = self.item['data_samples'].gt_sem_seg.data
        label.fill_(0)
        label.view(-1)[: self.counts[len(self.indices) - 1]] = 1
        return self.item


@pytest.mark.parametrize(
    'counts, loads',
    [([7], 1), ([6, 6, 7], 3), ([0] * 10 + [7], 11), ([0] * 20, 11)],
)
def test_up_to_ten_further_crops_of_the_same_image(folder, counts, loads):
    sampling = RareClassSampling(min_pixels=12, min_crop_ratio=0.5)  # more than 6 pixels
    sampling.set_pixels(np.array([[0, 20], [0, 0], [0, 30]]))
    recorded = Recorded(folder, counts)
    sampling.load(recorded, (0, 0))
    assert recorded.indices == [sampling.draw((0, 0))[1]] * loads


def lists(folder):
    return [source_cfg(folder, name, crop=8) for name in ('source', 'second')]


@pytest.mark.parametrize('num_workers', [0, 2])
def test_items_are_a_function_of_seed_and_number(folder, num_workers):
    dataset = sampled(lists(folder), source_cfg(folder), min_pixels=5, min_crop_ratio=2)
    draws = [(3, n) for n in range(16)]
    expected = [signature(dataset[draw]) for draw in reversed(draws)][::-1]
    other = sampled(lists(folder), source_cfg(folder), min_pixels=5, min_crop_ratio=2)
    sampler = UDASampler(other, seed=3)
    loader = DataLoader(other, batch_size=None, sampler=sampler, num_workers=num_workers)
    assert [signature(item) for item in islice(loader, 16)] == expected
    sampler.skip(10)  # as after a resume
    assert [signature(item) for item in islice(loader, 6)] == expected[10:]
    assert [signature(dataset[4, n]) for n in range(16)] != expected


def test_the_target_is_drawn_as_ever(folder):
    plain = UDADataset(source_cfg(folder), source_cfg(folder, 'second'))
    dataset = sampled(source_cfg(folder), source_cfg(folder, 'second'))
    for n in range(12):
        targets = [signature(pairs[0, n])['target'][0] for pairs in (plain, dataset)]
        assert targets[0] == targets[1]


def test_all_sources_are_one(folder):
    dataset = sampled(lists(folder))
    images = Counter(signature(dataset[0, n])['source'][0] for n in range(600))
    assert set(images) == {2, 3, 5, 102, 103, 105}
    assert all(70 < count < 130 for count in images.values())
    with pytest.raises(UserError, match='source_weights .*source_sampling'):
        UDADataset(
            lists(folder), source_weights=[1, 1], source_sampling=dict(type='RareClassSampling')
        )


@pytest.fixture
def broken_folder(folder, tmp_path):
    """The data with a label that is none, and a truncated image."""
    shutil.copytree(folder, tmp_path / 'broken')
    (tmp_path / 'broken/source/labels/5.png').write_bytes(b'not a label')
    image = tmp_path / 'broken/source/images/3.png'
    image.write_bytes(image.read_bytes()[:60])
    return tmp_path / 'broken'


def test_broken_files_stop_by_default(broken_folder):
    with pytest.raises(UserError, match='labels/5.png is truncated'):
        sampled(source_cfg(broken_folder))


def test_broken_files_are_replaced_on_demand(broken_folder):
    sampling = dict(type='RareClassSampling', min_pixels=5, min_crop_ratio=0)
    dataset = UDADataset(source_cfg(broken_folder), source_sampling=sampling, on_bad_image='skip')
    replaced = 0
    for n in range(40):
        item = dataset[0, n]
        errors = item['source']['data_samples'].get('replaced', ())
        assert all('images/3.png' in error for error in errors)
        assert signature(item)['source'][0] == 2  # the only one that is left with a car
        assert bool(errors) == (dataset.sampling.draw((0, 6, n, 0))[1] == 3)
        replaced += bool(errors)
    assert 5 < replaced < 35


def test_unlabelled_sources(folder):
    pipeline = source_cfg(folder)['pipeline']
    cfg = dict(type='ImageFolderDataset', data_root=str(folder / 'source/images'))
    with pytest.raises(UserError, match='images/.*GTA5Dataset'):
        sampled(dict(cfg, pipeline=pipeline))
    with pytest.raises(UserError, match='ImageFolderDataset .*LoadTrainIds'):
        sampled(dict(cfg, pipeline=[pipeline[0], pipeline[-1]]))


def test_image_folder_with_pseudo_labels_and_own_classes(folder, tmp_path, write_png):
    for index in range(3):
        write_png(tmp_path / f'labels/{index}.png', np.full(SIZE, min(index, 1), np.uint8))
    root = str(folder / 'source/images')
    cfg = dict(type='ImageFolderDataset', data_root=root, indices=3)
    cfg['metainfo'] = dict(classes=('ground', 'vehicle'))
    load = dict(type='LoadPseudoLabels', folder=str(tmp_path / 'labels'))
    cfg['pipeline'] = [dict(type='LoadImage'), load, dict(type='PackSegInputs')]
    dataset = sampled(cfg)
    assert dataset.sampling.classes.tolist() == [0, 1]
    assert [images.tolist() for images in dataset.sampling.images] == [[0], [1, 2]]
    own = source_cfg(folder, metainfo=cfg['metainfo'])
    own['pipeline'][1] = dict(type='LoadTrainIds', ids={ROAD: 0, CAR: 1})
    images = sampled(own).sampling.images
    assert [indices.tolist() for indices in images] == [[0, 1, 2, 3, 4], [2, 3, 5]]


@pytest.mark.parametrize(
    'option, value',
    [('temperature', 0), ('temperature', 'hot'), ('min_pixels', -1), ('min_crop_ratio', math.nan)],
)
def test_arguments_out_of_range(option, value):
    with pytest.raises(UserError, match=f'source_sampling.{option}='):
        RareClassSampling(**{option: value})


def test_too_many_pixels_wanted(folder):
    with pytest.raises(UserError, match='min_pixels=400: '):
        sampled(source_cfg(folder), min_pixels=400)

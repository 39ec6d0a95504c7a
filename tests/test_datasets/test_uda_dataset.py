"""UDADataset and UDASampler: which pairs are drawn, and that a draw depends on (seed, n) alone."""

import random
import shutil
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from torch.utils.data import DataLoader

from mmseg_gl.datasets import UDADataset, UDASampler
from mmseg_gl.errors import UserError

NUM_SOURCE, NUM_TARGET = 6, 5
STREAM = [(3, n) for n in range(2 * NUM_SOURCE)]


@pytest.fixture(scope='module', autouse=True)
def mmseg_scope():
    init_default_scope('mmseg')


@pytest.fixture(scope='module')
def folder(tmp_path_factory, write_png):
    """Images whose red value is their index; the target's label files are garbage."""
    folder = tmp_path_factory.mktemp('data')
    ramp = np.zeros((2, 4, 3), np.uint8)
    ramp[..., 2] = np.arange(4)  # blue grows to the right: tells whether an image is flipped
    for i in range(NUM_SOURCE):
        write_png(folder / f'source/images/{i}.png', ramp + np.uint8([i, 0, 0]))
        write_png(folder / f'source/labels/{i}.png', np.full((2, 4), 7, np.uint8))
    for i in range(NUM_TARGET):
        stem = f'city/{i}'
        write_png(folder / f'target/images/{stem}_leftImg8bit.png', ramp + np.uint8([i, 0, 0]))
        label = folder / f'target/labels/{stem}_gtFine_labelIds.png'
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_bytes(b'not a label')
    return folder


def source_cfg(folder):
    steps = ['LoadImage', dict(type='LoadTrainIds', ids='gta5')]
    return dict(type='GTA5Dataset', data_root=str(folder / 'source'), pipeline=pipeline(*steps))


def target_cfg(folder, labels='labels'):
    return dict(
        type='CityscapesDataset',
        data_root=str(folder / 'target'),
        data_prefix=dict(img_path='images', seg_map_path=labels),
        pipeline=pipeline('LoadImage'),
    )


def pipeline(*loading):
    steps = [dict(type=step) if isinstance(step, str) else step for step in loading]
    return [*steps, dict(type='RandomFlip', prob=0.5), dict(type='PackSegInputs')]


@pytest.fixture(scope='module')
def dataset(folder):
    return UDADataset(source_cfg(folder), target_cfg(folder))


def signature(item):
    """What an item is: per domain (index of the image, whether it is flipped)."""
    return {
        name: (int(sample['inputs'][2, 0, 0]), bool(sample['inputs'][0, 0, 0]))
        for name, sample in item.items()
    }


def indices(dataset, name, draws):
    return [signature(dataset[draw])[name][0] for draw in draws]


def test_each_epoch_visits_every_source_image_once_in_another_order(dataset):
    assert len(dataset) == NUM_SOURCE
    epochs = [
        indices(dataset, 'source', [(0, e * NUM_SOURCE + i) for i in range(NUM_SOURCE)])
        for e in range(4)
    ]
    assert all(sorted(epoch) == list(range(NUM_SOURCE)) for epoch in epochs)
    assert len(set(map(tuple, epochs))) > 1


def test_target_has_epochs_of_its_own(dataset):
    drawn = indices(dataset, 'target', [(0, n) for n in range(4 * NUM_TARGET)])
    epochs = [drawn[start : start + NUM_TARGET] for start in range(0, len(drawn), NUM_TARGET)]
    assert all(sorted(epoch) == list(range(NUM_TARGET)) for epoch in epochs)
    assert len(set(map(tuple, epochs))) > 1


def test_target_order_is_independent_of_the_source(folder):
    same = UDADataset(source_cfg(folder), source_cfg(folder))  # two domains of the same size
    pairs = {(same.draw('source', 0, n), same.draw('target', 0, n)) for n in range(600)}
    assert len(pairs) == NUM_SOURCE**2  # every source image meets every target image


def test_seeds_differ(dataset):
    streams = [[signature(dataset[seed, n]) for n in range(NUM_SOURCE)] for seed in (0, 1)]
    assert streams[0] != streams[1]
    assert signature(dataset[4]) == signature(dataset[0, 4])


def test_flips_vary_and_domains_flip_by_themselves(dataset):
    flips = {tuple(flip for _, flip in signature(dataset[0, n]).values()) for n in range(40)}
    assert flips == {(False, False), (False, True), (True, False), (True, True)}


def test_same_items_whatever_the_order_of_access(dataset, folder):
    forwards = [signature(dataset[draw]) for draw in STREAM]
    other = UDADataset(source_cfg(folder), target_cfg(folder))
    random.seed(99), np.random.seed(99), torch.manual_seed(99)
    backwards = [signature(other[draw]) for draw in reversed(STREAM)]
    assert forwards == backwards[::-1]


@pytest.mark.parametrize('num_workers', [0, 2])
def test_same_items_whatever_the_number_of_workers(dataset, num_workers):
    loader = DataLoader(
        dataset,
        batch_size=2,
        sampler=UDASampler(dataset, seed=3),
        num_workers=num_workers,
        collate_fn=lambda items: items,
    )
    loaded = [signature(item) for batch in islice(loader, len(STREAM) // 2) for item in batch]
    assert loaded == [signature(dataset[draw]) for draw in STREAM]


def test_global_random_state_is_untouched(dataset):
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    dataset[0, 7]
    after = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    assert before == after


def test_global_random_state_is_put_back_after_an_error(folder):
    dataset = UDADataset(source_cfg(folder))
    before = torch.get_rng_state().tolist()
    dataset.domains['source'].pipeline = None
    with pytest.raises(TypeError):
        dataset[0, 0]
    assert torch.get_rng_state().tolist() == before


def test_batches_hold_both_domains(dataset):
    batch = pseudo_collate([dataset[0, 0], dataset[0, 1]])
    assert set(batch) == {'source', 'target'}
    assert [len(batch[name]['inputs']) for name in batch] == [2, 2]
    assert all('gt_sem_seg' in sample for sample in batch['source']['data_samples'])
    assert not any('gt_sem_seg' in sample for sample in batch['target']['data_samples'])


def test_target_labels_may_be_absent(dataset, folder):
    absent = UDADataset(source_cfg(folder), target_cfg(folder, labels='nowhere'))
    for draw in STREAM:  # the fixture's target labels are garbage: opening one would raise
        assert signature(absent[draw]) == signature(dataset[draw])


def test_without_a_target(folder, dataset):
    alone = UDADataset(source_cfg(folder), target=None)
    for draw in STREAM:
        item = alone[draw]
        assert set(item) == {'source'}
        assert signature(item)['source'] == signature(dataset[draw])['source']


def test_empty_domain(folder, tmp_path):
    (tmp_path / 'images').mkdir()
    empty = {**target_cfg(folder), 'data_root': str(tmp_path)}
    with pytest.raises(UserError, match='the target folder .*/images has no images ending'):
        UDADataset(source_cfg(folder), empty)


def test_different_classes(folder):
    two = {**target_cfg(folder), 'metainfo': dict(classes=('road', 'car'))}
    with pytest.raises(UserError, match='source and target have different classes.*road, car'):
        UDADataset(source_cfg(folder), two)


def take(sampler, count):
    return list(islice(sampler, count))


def sampler_of(dataset, rank=0, world_size=1):
    sampler = UDASampler(dataset, seed=3)
    sampler.rank, sampler.world_size = rank, world_size
    return sampler


def test_processes_share_the_stream(dataset):
    streams = [take(sampler_of(dataset, rank, 3), 4) for rank in range(3)]
    assert streams[1] == [(3, 1), (3, 4), (3, 7), (3, 10)]
    assert sorted(sum(streams, [])) == [(3, n) for n in range(12)]


@pytest.mark.parametrize('world_size', [1, 3])
def test_skipping_goes_on_where_the_stream_was(dataset, world_size):
    for rank in range(world_size):
        whole = take(sampler_of(dataset, rank, world_size), 9)
        resumed = sampler_of(dataset, rank, world_size)
        resumed.skip(4)
        assert take(resumed, 5) == whole[4:]


def test_stream_has_no_end(dataset):
    sampler = sampler_of(dataset)
    assert len(sampler) == NUM_SOURCE
    assert take(sampler, 5 * NUM_SOURCE)[-1] == (3, 5 * NUM_SOURCE - 1)


@pytest.fixture
def broken_folder(folder, tmp_path):
    """The data with a truncated source image and a target image that is none."""
    broken = Path(shutil.copytree(folder, tmp_path / 'broken'))
    path = broken / 'source/images/2.png'
    path.write_bytes(path.read_bytes()[:40])
    (broken / 'target/images/city/1_leftImg8bit.png').write_bytes(b'not an image')
    return broken


def test_a_broken_image_stops_by_default(broken_folder):
    dataset = UDADataset(source_cfg(broken_folder), target_cfg(broken_folder))
    with pytest.raises(UserError, match='/[12](_leftImg8bit)?.png is truncated or not an image'):
        [dataset[draw] for draw in STREAM]


@pytest.mark.parametrize('num_workers', [0, 2])
def test_broken_images_are_replaced_on_demand(broken_folder, dataset, num_workers):
    skipping = UDADataset(source_cfg(broken_folder), target_cfg(broken_folder), on_bad_image='skip')
    loader = DataLoader(
        skipping,
        batch_size=None,
        sampler=UDASampler(skipping, seed=3),
        num_workers=num_workers,
    )
    replaced = {'source': 0, 'target': 0}
    for item, draw in zip(loader, STREAM):
        intact = signature(dataset[draw])
        for name, (index, _) in signature(item).items():
            bad = dict(source=2, target=1)[name]
            errors = item[name]['data_samples'].get('replaced', ())
            assert bool(errors) == (intact[name][0] == bad)
            assert all(f'/{bad}' in error and 'not an image' in error for error in errors)
            assert index != bad and (errors or index == intact[name][0])
            replaced[name] += bool(errors)
        assert signature(item) == signature(skipping[draw])  # also after a resume
    assert replaced == {'source': 2, 'target': 2}


def test_data_without_any_whole_image_still_stop(folder, tmp_path):
    broken = Path(shutil.copytree(folder / 'source', tmp_path / 'source'))
    for path in (broken / 'images').iterdir():
        path.write_bytes(b'')
    dataset = UDADataset(source_cfg(tmp_path), on_bad_image='skip')
    with pytest.raises(UserError, match='is truncated or not an image'):
        dataset[0]
    with pytest.raises(UserError, match="on_bad_image='drop' is unknown; choose from stop, skip"):
        UDADataset(source_cfg(tmp_path), on_bad_image='drop')


def test_a_label_of_another_size_is_said(folder, tmp_path, write_png):
    shutil.copytree(folder / 'source', tmp_path / 'source')
    write_png(tmp_path / 'source/labels/0.png', np.full((4, 4), 7, np.uint8))
    dataset = UDADataset(source_cfg(tmp_path))
    with pytest.raises(UserError, match='label of the image .*/0.png is 4x4 .* image is 4x2'):
        [dataset[n] for n in range(NUM_SOURCE)]

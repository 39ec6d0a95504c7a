"""UDADataset and UDASampler: which pairs are drawn, and that a draw depends on (seed, n) alone."""

import random
import shutil
from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from torch.utils.data import DataLoader

from mmseg_gl.datasets import UDADataset, UDASampler
from mmseg_gl.datasets.weighted_draws import share_out
from mmseg_gl.errors import UserError

NUM_SOURCE, NUM_TARGET, NUM_SECOND = 6, 5, 3
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
    for i in range(NUM_SECOND):
        write_png(folder / f'second/images/{i}.png', ramp + np.uint8([100 + i, 0, 0]))
        write_png(folder / f'second/labels/{i}.png', np.full((2, 4), 7, np.uint8))
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


def second_cfg(folder):
    return {**source_cfg(folder), 'data_root': str(folder / 'second')}


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


def epochs(drawn, size):
    return [drawn[start : start + size] for start in range(0, len(drawn) - size + 1, size)]


def indices(dataset, name, draws):
    return [signature(dataset[draw])[name][0] for draw in draws]


def test_each_domain_has_epochs_of_its_own_order(dataset):
    assert len(dataset) == NUM_SOURCE
    for name, size in (('source', NUM_SOURCE), ('target', NUM_TARGET)):
        orders = epochs(indices(dataset, name, [(0, n) for n in range(4 * size)]), size)
        assert all(sorted(epoch) == list(range(size)) for epoch in orders)
        assert len(set(map(tuple, orders))) > 1


def test_target_order_is_independent_of_the_source(folder):
    same = UDADataset(source_cfg(folder), source_cfg(folder))  # two domains of the same size
    pairs = {(same.draw('source', 0, n), same.draw('target', 0, n)) for n in range(600)}
    assert len(pairs) == NUM_SOURCE**2  # every source image meets every target image


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


def test_target_and_its_labels_may_be_absent(dataset, folder):
    absent = UDADataset(source_cfg(folder), target_cfg(folder, labels='nowhere'))
    alone = UDADataset(source_cfg(folder), target=None)
    for draw in STREAM:  # the fixture's target labels are garbage: opening one would raise
        assert signature(absent[draw]) == signature(dataset[draw])
        assert signature(alone[draw]) == dict(source=signature(dataset[draw])['source'])


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


@pytest.fixture
def broken_folder(folder, tmp_path):
    """The data with a truncated source image and a target image that is none."""
    broken = Path(shutil.copytree(folder, tmp_path / 'broken'))
    path = broken / 'source/images/2.png'
    path.write_bytes(path.read_bytes()[:40])
    (broken / 'target/images/city/1_leftImg8bit.png').write_bytes(b'not an image')
    return broken


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
            assert all(f'/{bad}' in error for error in errors)
            assert index != bad and (errors or index == intact[name][0])
            replaced[name] += bool(errors)
        assert signature(item) == signature(skipping[draw])  # also after a resume
    assert replaced == {'source': 2, 'target': 2}


def test_broken_images_of_mmcvs_loader(broken_folder):
    source = {**source_cfg(broken_folder)}
    source['pipeline'] = [dict(type='LoadImageFromFile'), *source['pipeline'][1:]]
    skipping = UDADataset(source, on_bad_image='skip')
    assert any('replaced' in skipping[draw]['source']['data_samples'] for draw in STREAM)


def test_data_without_any_whole_image_still_stop(folder, tmp_path):
    broken = Path(shutil.copytree(folder / 'source', tmp_path / 'source'))
    for path in (broken / 'images').iterdir():
        path.write_bytes(b'')
    dataset = UDADataset(source_cfg(tmp_path), on_bad_image='skip')
    with pytest.raises(UserError, match=r'\.png is truncated'):
        dataset[0]


def test_draws_of_one_data_set_are_those_of_all_versions(dataset, folder):
    assert [dataset.draw('source', 3, n) for n in range(12)] == [2, 5, 4, 1, 3, 0, 3, 1, 4, 0, 2, 5]
    assert [dataset.draw('target', 3, n) for n in range(12)] == [1, 4, 0, 2, 3, 3, 0, 2, 4, 1, 4, 0]
    listed = UDADataset([source_cfg(folder)], [target_cfg(folder)], [2.5], [1])
    for draw in STREAM:  # a list of one is no other than the data set
        assert signature(listed[draw]) == signature(dataset[draw])


@pytest.fixture(scope='module')
def mixed(folder):
    """Two sources, 6 and 3 images, by weights 1 to 3."""
    return UDADataset([source_cfg(folder), second_cfg(folder)], source_weights=[1, 3])


def split(drawn):
    """The draws of each of the two sources."""
    drawn = list(drawn)
    return [i for i in drawn if i < NUM_SOURCE], [i for i in drawn if i >= NUM_SOURCE]


def test_several_data_sets_without_weights_are_drawn_as_one(folder):
    both = UDADataset([source_cfg(folder), second_cfg(folder)], target_cfg(folder))
    assert len(both) == NUM_SOURCE + NUM_SECOND
    drawn = indices(both, 'source', [(0, n) for n in range(4 * len(both))])
    for epoch in epochs(drawn, len(both)):
        assert sorted(epoch) == [*range(NUM_SOURCE), *range(100, 100 + NUM_SECOND)]
    alone = UDADataset(source_cfg(folder), target_cfg(folder))
    draws = [(0, n) for n in range(20)]
    assert indices(both, 'target', draws) == indices(alone, 'target', draws)


def test_weights_are_honoured_in_every_thousand_draws(mixed):
    assert len(mixed) == NUM_SOURCE + NUM_SECOND
    for block in range(3):
        first, second = split(mixed.draw('source', 0, 1000 * block + n) for n in range(1000))
        assert (len(first), len(second)) == (250, 750)
    hundreds = [split(mixed.draw('source', 0, 100 * k + n) for n in range(100)) for k in range(30)]
    shares = [len(first) for first, _ in hundreds]
    assert len(set(shares)) > 1 and all(5 < share < 50 for share in shares)  # well mixed


def test_each_image_of_a_weighted_data_set_comes_once_before_any_comes_again(mixed):
    drawn = split(mixed.draw('source', 7, n) for n in range(3500))
    for part, images in zip(drawn, (range(NUM_SOURCE), range(NUM_SOURCE, NUM_SOURCE + 3))):
        assert all(sorted(epoch) == list(images) for epoch in epochs(part, len(images)))
        assert len(set(map(tuple, epochs(part, len(images))))) > 1


def test_weighted_items_are_a_function_of_seed_and_number(mixed, folder):
    draws = [(seed, n) for seed in (0, 1) for n in [*range(990, 1010), 2, 5000]]
    forwards = [signature(mixed[draw]) for draw in draws]
    other = UDADataset([source_cfg(folder), second_cfg(folder)], source_weights=[1, 3])
    assert [signature(other[draw]) for draw in reversed(draws)] == forwards[::-1]
    assert forwards[:22] != forwards[22:]
    for draw, item in zip(draws, forwards):  # an index counts on from the first data set
        index = mixed.draw('source', *draw)
        assert item['source'][0] == (index if index < NUM_SOURCE else 100 + index - NUM_SOURCE)


def test_weighted_targets_do_not_follow_the_sources(folder):
    lists = [[source_cfg(folder), second_cfg(folder)]] * 2
    dataset = UDADataset(*lists, [1, 1], [1, 1])
    pairs = Counter(
        tuple(dataset.draw(name, 0, n) < NUM_SOURCE for name in ('source', 'target'))
        for n in range(1000)
    )
    assert len(pairs) == 4 and all(150 < count < 350 for count in pairs.values())


def test_replacements_come_from_the_same_data_set(broken_folder):
    dataset = UDADataset(
        [second_cfg(broken_folder), source_cfg(broken_folder)],
        source_weights=[3, 1],
        on_bad_image='skip',
    )
    replaced = 0
    for draw in [(0, n) for n in range(100)]:
        index, item = dataset.draw('source', *draw), dataset[draw]
        errors = item['source']['data_samples'].get('replaced', ())
        bad = index == NUM_SECOND + 2
        assert bool(errors) == bad
        assert (signature(item)['source'][0] < 100) == (index >= NUM_SECOND)
        replaced += bad
    assert replaced > 1


def test_shares_of_weights():
    assert share_out('w', [1, 1, 1], 3) == (334, 333, 333)  # largest remainders
    assert share_out('w', [1e300, 9e300], 2) == (100, 900)
    assert share_out('w', [2, 2.9995, 5.0005], 3) == (200, 300, 500)
    for weights in ([1], [1, 0], [1, float('nan')], [1, 10_000]):
        with pytest.raises(UserError, match='w'):
            share_out('w', weights, 2)


def test_troubles_of_a_list_name_the_data_set(folder, tmp_path):
    (tmp_path / 'images').mkdir()
    empty = {**source_cfg(folder), 'data_root': str(tmp_path)}
    with pytest.raises(UserError, match='source 2.*/images'):
        UDADataset([source_cfg(folder), empty])
    two = {**second_cfg(folder), 'metainfo': dict(classes=('road', 'car'))}
    with pytest.raises(UserError, match='road, car'):
        UDADataset([source_cfg(folder), two])

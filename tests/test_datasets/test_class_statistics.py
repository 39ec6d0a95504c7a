"""class_statistics: what is counted, what is kept, and what of files of statistics is refused."""

import json
import os
import shutil

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_gl.datasets import class_statistics as module
from mmseg_gl.datasets import statistics_cache
from mmseg_gl.datasets.class_statistics import class_statistics
from mmseg_gl.datasets.dataset_labels import DatasetLabels, histogram
from mmseg_gl.datasets.label_ids import CITYSCAPES
from mmseg_gl.errors import UserError

NUM_LABELS = 6
OFFICIAL = 'sample_class_stats.json'


@pytest.fixture(autouse=True)
def mmseg_scope():
    init_default_scope('mmseg')


@pytest.fixture
def root(tmp_path, write_png, monkeypatch):
    """A folder of GTA5 with random labels."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    generator = np.random.default_rng(0)
    for index in range(NUM_LABELS):
        write_png(tmp_path / f'GTA5/images/{index}.png', np.zeros((5, 9, 3), np.uint8))
        label = generator.integers(0, 35, (5, 9), dtype=np.uint8)
        write_png(tmp_path / f'GTA5/labels/{index}.png', label)
    return tmp_path / 'GTA5'


def build(root, **kwargs):
    size = dict(type='Resize', scale=(3, 2))  # statistics are of the size before it
    load = [dict(type='LoadImage'), dict(type='LoadTrainIds', ids='gta5')]
    pipeline = [*load, size, dict(type='PackSegInputs')]
    return DATASETS.build(
        {**dict(type='GTA5Dataset', data_root=str(root), pipeline=pipeline), **kwargs}
    )


def counted_by_hand(root, num_classes=19, table=CITYSCAPES):
    """Pixels per class, (N, K), with loops."""
    rows = np.zeros((NUM_LABELS, num_classes), int)
    for index in range(NUM_LABELS):
        for id in np.asarray(Image.open(root / f'labels/{index}.png')).ravel().tolist():
            if id in table:
                rows[index, table[id]] += 1
    return rows.tolist()


@pytest.fixture
def opened(monkeypatch):
    """The indices of the labels that are counted."""
    indices, count = [], DatasetLabels.count
    monkeypatch.setattr(
        DatasetLabels, 'count', lambda self, index: indices.append(index) or count(self, index)
    )
    return indices


def test_counted_once(root, opened):
    expected = counted_by_hand(root)
    wrapped = []
    progress = lambda items, total: wrapped.append(total) or items  # noqa: E731
    for _ in range(2):
        statistics = class_statistics(build(root), progress)
        assert statistics.pixels.tolist() == expected and statistics.errors == []
    assert sorted(opened) == list(range(NUM_LABELS)) and wrapped == [NUM_LABELS]
    names = [path.name for path in root.iterdir() if path.is_file()]
    assert len(names) == 1 and names[0].startswith('class_statistics_')  # no other is left
    shutil.move(root, root.parent / 'moved')
    assert class_statistics(build(root.parent / 'moved')).pixels.tolist() == expected
    assert len(opened) == NUM_LABELS


def test_what_has_changed_is_counted_again(root, opened, write_png):
    class_statistics(build(root))
    opened.clear()
    label = root / 'labels/2.png'
    write_png(label, np.full((5, 9), 7, np.uint8))
    os.utime(root / 'labels/4.png', ns=(1, 1))
    write_png(root / 'images/9.png', np.zeros((5, 9, 3), np.uint8))
    write_png(root / 'labels/9.png', np.full((5, 9), 26, np.uint8))
    statistics = class_statistics(build(root))
    assert sorted(opened) == [2, 4, 6]
    assert statistics.pixels[:NUM_LABELS].tolist() == counted_by_hand(root)
    assert statistics.pixels[2, 0] == statistics.pixels[6, 13] == 45
    opened.clear()
    class_statistics(build(root, indices=[5, 2]))  # a part of them
    assert opened == []
    class_statistics(build(root))
    assert opened == []


def test_other_classes_have_their_own_statistics(root, opened):
    class_statistics(build(root))
    two = build(root, metainfo=dict(classes=('car', 'road')))
    expected = counted_by_hand(root, 2, {26: 0, 7: 1})
    assert class_statistics(two).pixels.tolist() == expected
    own = build(root, metainfo=dict(classes=('car', 'road')))
    own.pipeline.transforms[1].ids = {7: 0}
    assert len(opened) == 2 * NUM_LABELS
    class_statistics(two), class_statistics(build(root))
    assert len(opened) == 2 * NUM_LABELS


def test_labels_that_cannot_be_used(root, opened, write_png):
    expected = counted_by_hand(root)
    (root / 'labels/0.png').write_bytes(b'not a label')
    (root / 'labels/1.png').unlink()
    write_png(root / 'labels/2.png', np.full((5, 9), 77, np.uint8))
    expected[:3] = [[0] * 19] * 3
    for _ in range(2):
        statistics = class_statistics(build(root))
        assert statistics.pixels.tolist() == expected
        for error, words in zip(statistics.errors, ('0.png is trunc', '1.png: No such', 'id 77')):
            assert words in error
    assert sorted(opened) == sorted([*range(NUM_LABELS), 0, 1, 2])  # only these again


def test_a_folder_that_cannot_be_written_to(root, opened, monkeypatch, tmp_path):
    write_text = statistics_cache.write_text

    def refuse(path, text):
        if str(path).startswith((str(root), str(tmp_path / refused))):
            raise UserError(f'cannot write {path}')
        write_text(path, text)

    refused = 'nothing'
    monkeypatch.setattr(statistics_cache, 'write_text', refuse)
    for _ in range(2):
        class_statistics(build(root))
    assert len(opened) == NUM_LABELS
    assert [path.is_file() for path in root.iterdir()] == [False, False]
    assert len(list((tmp_path / 'cache/mmseg_gl').iterdir())) == 1
    shutil.rmtree(tmp_path / 'cache')
    refused = 'cache'  # neither
    for _ in range(2):
        class_statistics(build(root))
    assert len(opened) == 3 * NUM_LABELS


@pytest.mark.parametrize(
    'contents',
    [
        b'{',
        b'\xff',
        b'[]',
        b'{}',
        b'{"classes": 3, "labels": {}}',
        '{"classes": CLASSES, "labels": {"a": [1, 2]}}',
        '{"classes": CLASSES, "labels": {"a": [1, Infinity, {}]}}',
        '{"classes": CLASSES, "labels": {"a": [1, 2, {"19": 1}]}}',
        '{"classes": CLASSES, "labels": {"a": [1, 2, {"0": -1}]}}',
        '{"classes": CLASSES, "labels": {"a": [1, 2, {"0": "1"}]}}',
    ],
)
def test_damaged_statistics(root, contents):
    class_statistics(build(root))
    (path,) = (path for path in root.iterdir() if path.is_file())
    if isinstance(contents, str):
        classes = json.dumps(json.loads(path.read_text())['classes'])
        contents = contents.replace('CLASSES', classes).encode()
    path.write_bytes(contents)
    with pytest.raises(UserError, match=str(path)):
        class_statistics(build(root))


def official(root, change=lambda entries: None, folder='/elsewhere/labels'):
    """Write the official file of the labels' counts."""
    entries = [
        {**{str(c): n for c, n in enumerate(row) if n}, 'file': f'{folder}/{i}_labelTrainIds.png'}
        for i, row in enumerate(counted_by_hand(root))
    ]
    change(entries)
    (root / OFFICIAL).write_text(json.dumps(entries))


@pytest.mark.parametrize('folder', ['/elsewhere/labels', 'labels'])
def test_official_statistics(root, opened, folder):
    official(root, list.reverse, folder)
    for classes, table in ((None, CITYSCAPES), (('car', 'road'), {26: 0, 7: 1})):
        opened.clear()
        dataset = build(root, metainfo=dict(classes=classes) if classes else None)
        expected = counted_by_hand(root, len(dataset.metainfo['classes']), table)
        assert class_statistics(dataset).pixels.tolist() == expected
        assert 5 <= len(opened) <= 6  # compared with some labels
    assert not list(root.glob('class_statistics_*'))


def test_labels_that_the_official_statistics_lack_are_counted(root, opened):
    official(root, lambda entries: entries.__delitem__(slice(1, None)))
    assert class_statistics(build(root)).pixels.tolist() == counted_by_hand(root)
    assert sorted(opened) == list(range(NUM_LABELS))


def test_official_statistics_are_of_train_ids(root, opened):
    official(root, lambda entries: entries[0].update({'0': 10**6}))
    dataset = build(root, metainfo=dict(classes=('one', 'two')))
    load = dict(type='LoadTrainIds', ids={7: 0, 26: 1})
    own = dict(pipeline=[load, dict(type='PackSegInputs')], metainfo=dataset.metainfo)
    expected = counted_by_hand(root, 2, {7: 0, 26: 1})
    assert class_statistics(build(root, **own)).pixels.tolist() == expected


@pytest.mark.parametrize(
    'change',
    [
        lambda entries: entries[0].update({'0': 10**6}),  # of another label
        lambda entries: entries[0].update({'19': 1}),
        lambda entries: entries[0].update({'0': 1.5}),
        lambda entries: entries[0].pop('file'),
        lambda entries: entries.append(entries[0]),
        lambda entries: entries.append(3),
    ],
)
def test_wrong_official_statistics(root, change):
    official(root, change)
    with pytest.raises(UserError, match=OFFICIAL):
        class_statistics(build(root))


def test_cityscapes_labels(root, write_png):
    for split, ids in (('train', '_labelIds'), ('val', '_labelTrainIds')):
        label = np.arange(18, dtype=np.uint8).reshape(2, 9)
        write_png(root / f'gtFine/{split}/a/a_gtFine{ids}.png', label)
        write_png(root / f'leftImg8bit/{split}/a/a_leftImg8bit.png', label)
        dataset = build(
            root,
            type='CityscapesDataset',
            data_prefix=dict(img_path=f'leftImg8bit/{split}', seg_map_path=f'gtFine/{split}'),
            seg_map_suffix='_gtFine_labelIds.png',
            pipeline=[dict(type='LoadTrainIds', ids='cityscapes'), dict(type='PackSegInputs')],
        )
        expected = [0] * 19
        for id in label.ravel().tolist():
            number = id if split == 'val' else CITYSCAPES.get(id)
            if number is not None:
                expected[number] += 1
        assert class_statistics(dataset).pixels.tolist() == [expected]


def test_annotations_of_mmseg(root, write_png):
    for index in range(NUM_LABELS):
        write_png(root / f'labels/{index}.png', np.full((5, 9), index, np.uint8))
    load = [dict(type='LoadAnnotations'), dict(type='PackSegInputs')]
    expected = np.eye(NUM_LABELS, 19) * 45
    assert class_statistics(build(root, pipeline=load)).pixels.tolist() == expected.tolist()


def test_the_first_process_counts_for_all(root, opened, monkeypatch):
    sent = []
    monkeypatch.setattr(module, 'broadcast_object_list', lambda results: sent.append(results[0]))
    expected = class_statistics(build(root)).pixels.tolist()
    (root / OFFICIAL).write_text('{')
    with pytest.raises(UserError, match=OFFICIAL):
        class_statistics(build(root))
    opened.clear()
    monkeypatch.setattr(module, 'is_main_process', lambda: False)
    monkeypatch.setattr(
        module, 'broadcast_object_list', lambda results: results.__setitem__(0, sent.pop(0))
    )
    assert class_statistics(build(root)).pixels.tolist() == expected and opened == []
    with pytest.raises(UserError, match=OFFICIAL):
        class_statistics(build(root))


def test_large_labels():
    labels = np.arange(2**25 + 5).astype(np.uint8)[::-1] % 3
    assert histogram(labels).tolist() == np.bincount(labels, minlength=256).tolist()
    assert histogram(np.zeros((4097, 4097), np.uint8))[0] == 4097**2  # more than 2**24

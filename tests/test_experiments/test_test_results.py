"""The files of a test, and what happens to those of another one."""

import json

import numpy as np
from mmseg.datasets import CityscapesDataset

from mmseg_gl.evaluation import UDAIoUMetric
from mmseg_gl.experiments.test_results import files_of, write_results


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_files():
    metric = UDAIoUMetric()
    metric.dataset_meta = CityscapesDataset.METAINFO
    matrices = np.random.default_rng(0).integers(0, 9, (3, 19, 19))
    metric.per_image = [(f'{i}.png', matrix) for i, matrix in enumerate(matrices)]
    files = files_of(metric, '_city')
    confusion = json.loads(files['confusion_city.json'])
    assert confusion['classes'] == list(metric.dataset_meta['classes'])
    assert np.array_equal(confusion['counts'], matrices.sum(axis=0))
    assert len(json.loads(files['per_image_city.json'])) == 3
    assert files['confusion_city.png'] == files_of(metric)['confusion.png']  # else always kept
    assert set(files) == {'confusion_city.json', 'confusion_city.png', 'per_image_city.json'}


def test_earlier_files_are_kept_together(tmp_path):
    first = {'metrics.json': b'1', 'confusion.json': b'same', 'confusion_city.json': b'1'}
    write_results(tmp_path, first)
    write_results(tmp_path, first)
    assert contents(tmp_path) == first
    others = {'confusion.1.json': b'precious', 'iter_5.pth': b'', 'notes.json': b''}
    for name, content in others.items():
        (tmp_path / name).write_bytes(content)
    second = {'metrics.json': b'2', 'confusion.json': b'same', 'per_image.json': b'2'}
    write_results(tmp_path, second)
    kept = {'metrics.2.json': b'1', 'confusion.2.json': b'same', 'confusion_city.2.json': b'1'}
    assert contents(tmp_path) == {**others, **kept, **second}
    write_results(tmp_path, second)
    assert contents(tmp_path) == {**others, **kept, **second}

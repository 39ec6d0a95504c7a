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
    first = {'a.json': b'1', 'b.json': b'same'}
    write_results(tmp_path, first)
    write_results(tmp_path, first)
    assert contents(tmp_path) == first
    (tmp_path / 'b.1.json').write_bytes(b'precious')
    write_results(tmp_path, {'a.json': b'2', 'b.json': b'same', 'c.json': b'3'})
    assert contents(tmp_path) == {
        **{'b.1.json': b'precious', 'a.2.json': b'1', 'b.2.json': b'same'},
        **{'a.json': b'2', 'b.json': b'same', 'c.json': b'3'},
    }

"""Sampling, projection and distances of pixels."""

import sys
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_gl.errors import UserError
from mmseg_gl.experiments.embedding import domain_distances, principal_components, tsne
from mmseg_gl.experiments.pixel_sample import (
    PixelSample,
    Points,
    at_centres,
    points_of,
    sample_pixels,
)


def test_labels_at_the_centres_of_cells():
    labels = np.arange(8 * 16).reshape(8, 16)
    assert at_centres(labels, (2, 2)).tolist() == [[2 * 16 + 4, 2 * 16 + 12], [100, 108]]
    assert (at_centres(labels, (8, 16)) == labels).all()


def test_sample_is_balanced_and_uniform():
    labels = np.full((10, 10), 0)
    labels[:1] = 1
    labels[5:] = 255
    drawn: Counter = Counter()
    for seed in range(200):
        sample = PixelSample(4, seed)
        for image in range(3):  # the feature of a pixel is its number among those of all images
            sample.add(100 * image + np.arange(100.0).reshape(1, 10, 10), labels)
        points = points_of([sample, sample])
        assert Counter(zip(points.domains, points.classes)) == dict.fromkeys(
            [(0, 0), (0, 1), (1, 0), (1, 1)], 4
        )
        numbers = points.features[:8, 0].astype(int)
        assert (labels.ravel()[numbers % 100] == points.classes[:8]).all()
        drawn.update(numbers[:4] // 100)
    assert all(abs(drawn[image] - 800 / 3) < 60 for image in range(3))
    with pytest.raises(UserError):
        points_of([sample, PixelSample(4, 0)])


def test_principal_components():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(50, 3)) * [1, 5, 2] + 7
    places, shares = principal_components(features, 2)
    centred = features - features.mean(axis=0)
    _, values, axes = np.linalg.svd(centred)
    np.testing.assert_allclose(np.abs(places), np.abs(centred @ axes[:2].T))
    np.testing.assert_allclose(shares, (values**2 / (values**2).sum())[:2])


def test_distances():
    # Class 0: the centroids are 3 apart; every point is 1 from its own. Class 1 has no target.
    features = np.array([[-1, 0], [1, 0], [2, 0], [4, 0], [9, 9], [8, 8]], np.float32)
    points = Points(features, np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 0, 0]))
    assert domain_distances(points) == {0: 3.0}


def test_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, 'sklearn.manifold', None)
    with pytest.raises(UserError, match='pip install'):
        tsne(np.zeros((9, 2)), 0)


def test_padding_is_no_pixel(monkeypatch):
    images = torch.arange(6.0).expand(1, 4, 6)  # a pixel has the number of its column
    sample = SegDataSample(gt_sem_seg=PixelData(data=torch.arange(12)[None, None].repeat(1, 8, 1)))
    model = SimpleNamespace(
        data_preprocessor=lambda data, training: dict(
            inputs=torch.nn.functional.pad(torch.stack(data['inputs']), (0, 2, 0, 4), value=99)
        ),
        network=None,
    )
    name = 'mmseg_gl.experiments.pixel_sample.pixel_features'
    monkeypatch.setattr(name, lambda network, inputs: (inputs, inputs))
    datasets = [[dict(inputs=images, data_samples=sample)]] * 2
    points = sample_pixels(model, datasets, 'features', 9, 1, 0, lambda items, *_: items)
    assert (points.features[:, 0] == points.classes // 2).all()
    assert set(points.classes) == {1, 3, 5, 7, 9, 11}

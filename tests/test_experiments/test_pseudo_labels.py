"""The rule of the pseudo labels against SSL.py's, which holds and sorts everything, in float64."""

import tracemalloc

import numpy as np
import pytest
import torch

from mmseg_gl.experiments.pseudo_labels import (
    BINS,
    confidence_bins,
    find_thresholds,
    histogram,
    select,
    shares_kept,
)

K = 5


def random_images(count, seed=0, size=(20, 30)):
    """Yield (labels, confidence) with classes of different confidence; class 3 does not occur."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        labels = rng.choice([0, 1, 2, 4], size, p=[0.6, 0.25, 0.149, 0.001]).astype(np.uint8)
        spread = np.array([0.05, 0.2, 0.7, 1, 1])[labels]
        yield labels, np.float32(1 - spread * rng.random(size) ** 2)


def binned(images):
    for labels, confidence in images:
        yield labels, confidence_bins(torch.from_numpy(confidence)).numpy().astype(np.uint16)


def exact_thresholds(labels, confidence, cap, portion):
    """SSL.py, on all pixels at once."""
    thresholds = []
    for c in range(K):
        ascending = np.sort(confidence[labels == c])
        rank = int(np.round(portion * len(ascending)))
        thresholds.append(ascending[min(rank, len(ascending) - 1)] if len(ascending) else 0)
    return np.minimum(thresholds, cap)


@pytest.mark.parametrize('cap, portion', [(0.9, 0.5), (0.8, 0.66), (1.0, 0.5), (0.9, 0), (0.9, 1)])
def test_labels_are_exact_but_for_one_bin_below_the_threshold(cap, portion):
    images = list(random_images(8))
    labels, confidence = (np.stack(arrays) for arrays in zip(*images))
    confidence = confidence.astype(np.float64)
    expected = exact_thresholds(labels, confidence, cap, portion)
    counts = histogram(binned(images), K)
    assert counts.sum() == labels.size and counts.dtype == np.int64
    bins = find_thresholds(counts, cap, portion)
    assert (bins / BINS <= expected).all() and (expected - bins / BINS < 1 / BINS).all()

    ours = np.stack([select(*image, bins) for image in binned(images)])
    exact = np.where(confidence < expected[labels], 255, labels)
    assert ours.dtype == np.uint8
    different = ours != exact
    assert different.mean() < 1e-3
    assert (exact[different] == 255).all()
    assert (expected[labels] - confidence)[different].max(initial=0) < 1 / BINS
    for c, share in enumerate(shares_kept(counts, bins)):
        kept = (ours == c).sum() / max((labels == c).sum(), 1)
        assert share is None if c == 3 else share == pytest.approx(kept)


def test_the_cap_is_exact():
    nearest = np.float32(0.9)
    below, above = np.nextafter(nearest, np.float32([0, 1]))
    assert float(below) < float(nearest) < 0.9 < float(above)  # in float64, as SSL.py compares
    confidence = np.float32([[below, nearest, above, 1]])
    labels = np.zeros((1, 4), np.uint8)
    images = [(labels, confidence)] + [(labels, np.ones((1, 4), np.float32))] * 3
    thresholds = find_thresholds(histogram(binned(images), K))
    assert thresholds.tolist() == [45_000, 0, 0, 0, 0]
    assert select(*next(binned(images)), thresholds).tolist() == [[255, 255, 0, 0]]


@pytest.mark.parametrize('count, rank', [(1, 0), (2, 1), (3, 2), (4, 2), (5, 2), (6, 3), (7, 4)])
def test_rank_rounds_half_to_even(count, rank):
    confidence = np.arange(1, count + 1) / 100
    image = np.zeros(count, np.uint8), np.uint16(confidence * BINS)
    assert find_thresholds(histogram([image], 1))[0] == round(confidence[rank] * BINS)


def test_confidence_a_little_over_one_counts_as_one():
    assert confidence_bins(torch.tensor([1.0000001, 1.0])).tolist() == [BINS, BINS]
    assert BINS <= np.iinfo(np.uint16).max


def test_memory_does_not_grow_with_the_number_of_images():
    def peak(count):
        tracemalloc.start()
        histogram(binned(random_images(count, size=(50, 100))), K)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peak(1)  # warm up
    few, many = peak(2), peak(100)  # 100 images of (labels, bins) would be 1.5 MB more
    assert many < few + 200_000

"""The rule of the pseudo labels against SSL.py's, which holds and sorts everything, in float64."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_gl.config.load import load_config
from mmseg_gl.experiments.pseudo_labels import (
    BINS,
    confidence_bins,
    find_thresholds,
    histogram,
    predict,
    select,
    shares_kept,
)

K = 5
CONFIGS = Path(__file__).parents[2] / 'configs'
SOURCE_ONLY = CONFIGS / 'source_only/source-only_deeplabv2-tiny_street-scenes.py'


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


@pytest.mark.parametrize(
    'test_cfg',
    [dict(upsample='probabilities'), dict(mode='slide', crop_size=(32, 32), stride=(16, 16))],
)
def test_predictions_are_those_of_tests(test_cfg):
    """In windows or whole, without the padding of the data preprocessor."""
    init_default_scope('mmseg')
    torch.manual_seed(0)
    cfg = load_config(SOURCE_ONLY).model
    cfg.data_preprocessor.test_cfg = dict(size_divisor=24)
    cfg.segmentor.test_cfg.update(test_cfg)
    model = MODELS.build(cfg).eval()
    for parameter in model.segmentor.decode_head.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    size = (40, 64)
    sample = SegDataSample(metainfo=dict(ori_shape=size, img_shape=size))
    batch = dict(inputs=[torch.randint(256, (3, *size)).byte()], data_samples=[sample])
    labels, _ = predict(model, batch)
    with torch.no_grad():
        (expected,) = model.test_step(batch)
    assert labels.shape == size
    assert np.mean(labels == expected.pred_sem_seg.data[0].numpy()) > 0.999

"""UDAIoUMetric against figures counted pixel by pixel."""

import math

import numpy as np
import pytest
import torch
from mmseg.datasets import CityscapesDataset

from mmseg_gl.errors import UserError
from mmseg_gl.evaluation import UDAIoUMetric

META = CityscapesDataset.METAINFO
CLASSES = META['classes']
NOT_IN_16 = {'terrain', 'truck', 'train'}
NOT_IN_13 = NOT_IN_16 | {'wall', 'fence', 'pole'}


META_16 = dict(classes=tuple(name for name in CLASSES if name not in NOT_IN_16))


def sample(truth, prediction, dtype=torch.uint8, **metainfo):
    return dict(
        gt_sem_seg=dict(data=torch.as_tensor(truth).to(dtype)[None]),
        pred_sem_seg=dict(data=torch.as_tensor(prediction)[None]),
        **metainfo,
    )


def evaluate(*batches, dtype=torch.uint8):
    """Feed batches of (truth, prediction) images; return the figures."""
    metric = UDAIoUMetric()
    metric.dataset_meta = META
    for batch in batches:
        metric.process({}, [sample(*images, dtype=dtype) for images in batch])
    return metric.evaluate(sum(map(len, batches)))


def counted(*images, names=CLASSES):
    """IoU in percent by class name, by the definition, one pixel at a time."""
    pairs = [
        (int(t), int(p))
        for truth, prediction in images
        for t, p in zip(np.ravel(truth), np.ravel(prediction))
        if t != 255
    ]
    iou = {}
    for c, name in enumerate(names):
        if not any(t == c for t, _ in pairs):
            continue
        intersection = sum(t == c and p == c for t, p in pairs)
        union = sum(t == c or p == c for t, p in pairs)
        iou[name] = 100 * intersection / union
    return iou


def mean(iou, left_out=()):
    values = [value for name, value in iou.items() if name not in left_out]
    return sum(values) / len(values)


def random_images(count, classes=19):
    rng = np.random.default_rng(0)
    images = []
    for _ in range(count):
        truth = rng.integers(0, classes, (12, 16))
        noise = rng.integers(0, 19, truth.shape)
        prediction = np.where(rng.random(truth.shape) < 0.4, noise, truth)
        truth[rng.random(truth.shape) < 0.2] = 255
        images.append((truth, prediction))
    return images


def assert_figures(figures, images):
    iou = counted(*images)
    assert figures['mIoU'] == pytest.approx(mean(iou), abs=0.006)
    assert figures['mIoU16'] == pytest.approx(mean(iou, NOT_IN_16), abs=0.006)
    assert figures['mIoU13'] == pytest.approx(mean(iou, NOT_IN_13), abs=0.006)
    assert set(figures) == {'mIoU', 'mIoU16', 'mIoU13', *(f'IoU.{name}' for name in iou)}
    for name, value in iou.items():
        assert figures[f'IoU.{name}'] == pytest.approx(value, abs=0.006)


def test_by_hand():
    # road: 2 of 2 + 1 wrongly predicted; sidewalk: 1 of 2; one pixel is ignored.
    figures = evaluate([([[0, 0, 1], [1, 255, 255]], [[0, 0, 1], [0, 1, 5]])])
    assert figures == {
        'mIoU': 58.33,
        'mIoU16': 58.33,
        'mIoU13': 58.33,
        'IoU.road': 66.67,
        'IoU.sidewalk': 50.0,
    }


def test_all_classes_in_two_batches():
    images = random_images(3)
    figures = evaluate(images[:2], images[2:])
    assert len(figures) == 22
    assert_figures(figures, images)
    # The three means differ, so that a mix-up of the subsets cannot go unnoticed.
    assert len({figures['mIoU'], figures['mIoU16'], figures['mIoU13']}) == 3


def test_class_without_ground_truth_is_left_out_of_the_mean():
    images = random_images(2, classes=7)  # the predictions have all 19 classes
    figures = evaluate(images)
    assert 'IoU.sky' not in figures
    assert_figures(figures, images)


def test_left_out_class_counts_as_an_error_of_what_is_predicted_there():
    # terrain predicted as vegetation: protocol of AdaptSegNet and BDL, not of 16-output networks
    terrain, vegetation = CLASSES.index('terrain'), CLASSES.index('vegetation')
    truth, prediction = [[vegetation, terrain]], [[vegetation, vegetation]]
    figures = evaluate([(truth, prediction)])
    assert (figures['mIoU'], figures['mIoU16'], figures['mIoU13']) == (25.0, 50.0, 50.0)


def test_mean_over_no_class_is_nan():
    terrain = CLASSES.index('terrain')
    figures = evaluate([([[terrain]], [[terrain]])])
    assert figures['mIoU'] == 100.0
    assert math.isnan(figures['mIoU16']) and math.isnan(figures['mIoU13'])


def evaluated(images, classes, ignored_classes=()):
    """Return the metric, after the images have been evaluated, and the figures."""
    metric = UDAIoUMetric(ignored_classes=ignored_classes)
    metric.dataset_meta = dict(classes=classes)
    metric.process({}, [sample(*image) for image in images])
    return metric, metric.evaluate(len(images))


def assert_figures_of_16(figures, iou):
    assert figures['mIoU'] == figures['mIoU16'] == pytest.approx(mean(iou), abs=0.006)
    assert figures['mIoU13'] == pytest.approx(mean(iou, NOT_IN_13), abs=0.006)
    assert {name for name in figures if name.startswith('IoU.')} == {f'IoU.{name}' for name in iou}
    assert figures['mIoU13'] != figures['mIoU16']


def to_16(labels):
    """Number labels of 19 classes by the 16; the three others become 255."""
    table = [META_16['classes'].index(n) if n in META_16['classes'] else 255 for n in CLASSES]
    return np.array([*table, *[255] * 237])[labels]


def test_16_outputs():
    rng = np.random.default_rng(1)
    images = []
    for truth, _ in random_images(3):
        noise = rng.integers(0, 16, truth.shape)
        truth = to_16(truth)
        images.append((truth, np.where((truth == 255) | (noise < 6), noise, truth)))
    metric, figures = evaluated(images, META_16['classes'])
    assert_figures_of_16(figures, counted(*images, names=META_16['classes']))
    assert metric.protocol.startswith(
        '16 outputs; ground truth of terrain, truck, train ignored; mIoU13: rows of the same matrix'
    )


def test_19_outputs_with_the_three_classes_ignored():
    images = random_images(3)
    kept = [(np.where(to_16(truth) == 255, 255, truth), predicted) for truth, predicted in images]
    metric, figures = evaluated(images, CLASSES, ignored_classes=('terrain', 'truck', 'train'))
    assert_figures_of_16(figures, counted(*kept))
    assert figures['mIoU16'] > evaluate(images)['mIoU16']  # fewer false positives
    assert metric.protocol.startswith(
        '19 outputs; ground truth of terrain, truck, train ignored; mIoU16 and mIoU13: rows'
    )


@pytest.mark.parametrize('ignored, expected', [((), 50.0), (('terrain',), 100.0)])
def test_ignored_ground_truth_by_hand(ignored, expected):
    terrain, vegetation = CLASSES.index('terrain'), CLASSES.index('vegetation')
    images = [([[vegetation, terrain]], [[vegetation, vegetation]])]
    figures = evaluated(images, CLASSES, ignored)[1]
    assert figures['IoU.vegetation'] == expected
    assert ('IoU.terrain' in figures) == (not ignored)


def test_protocol_names_sizes_and_what_was_upsampled():
    def protocol(*samples):
        metric = UDAIoUMetric()
        metric.dataset_meta = META
        metric.process({}, list(samples))
        metric.evaluate(len(samples))
        return metric.protocol

    zeros = np.zeros((4, 8), int)
    half = sample(zeros, zeros, img_shape=(2, 4), upsampled='probabilities')
    assert protocol(half, half).endswith('input 4x2; scored at 8x4; probabilities upsampled')
    full = sample(zeros, zeros, img_shape=(4, 8), upsampled='probabilities')
    assert 'input several sizes; scored at 8x4' in protocol(half, full)
    assert protocol(sample(zeros, zeros)).endswith('same matrix; scored at 8x4; logits upsampled')


@pytest.mark.parametrize('count', [2, 16, 19, 40])
def test_other_classes_have_one_mean_whatever_their_number(count):
    names = [f'class {i}' for i in range(count)]
    rng = np.random.default_rng(count)
    truth, prediction = rng.integers(0, count, (2, 30, 40))
    prediction = np.where(rng.random(truth.shape) < 0.5, truth, prediction)
    metric, figures = evaluated([(truth, prediction)], names)
    iou = counted((truth, prediction), names=names)
    assert list(figures) == ['mIoU', *(f'IoU.{name}' for name in names)]
    assert figures['mIoU'] == pytest.approx(mean(iou), abs=0.006)
    assert metric.protocol == (
        f'{count} outputs; ground truth of every class counts; scored at 40x30; logits upsampled'
    )


@pytest.mark.parametrize('truth, prediction', [(5, 0), (254, 0), (0, 5)])
def test_numbers_of_no_class(truth, prediction):
    with pytest.raises(UserError, match=str(truth or prediction)):
        evaluated([([[0, truth, 255]], [[0, prediction, 0]])], list('abcde'))


def test_no_labels():
    metric = UDAIoUMetric()
    metric.dataset_meta = META
    with pytest.raises(UserError, match='a.png'):
        metric.process({}, [dict(pred_sem_seg=dict(data=torch.zeros(1, 2, 2)), img_path='a.png')])

"""PseudoLabelMargins and PackMaskedInputs: the mask stays with the pixels that it is of."""

import numpy as np
import pytest
import torch
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.models import SegDataPreProcessor
from mmseg.structures import SegDataSample

from mmseg_gl.datasets import PseudoLabelMargins
from mmseg_gl.errors import UserError
from mmseg_gl.models import ImageBatch

WIDTH, HEIGHT = 64, 32
MARGINS = dict(top=2, bottom=8, left=4, right=6)
INSIDE = np.zeros((HEIGHT, WIDTH), np.uint8)
INSIDE[2:-8, 4:-6] = 1


@pytest.fixture(autouse=True)
def mmseg_scope():
    init_default_scope('mmseg')


@pytest.fixture
def image(tmp_path, write_png):
    """An image whose red value is 255 inside the margins."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[..., 0] = 255 * INSIDE
    return write_png(tmp_path / 'image.png', pixels)


def packed(image, *steps, pack='PackMaskedInputs'):
    pipeline = [
        dict(type='LoadImage'), dict(type='PseudoLabelMargins', **MARGINS), *steps, dict(type=pack)
    ]  # fmt: skip
    return Compose(pipeline)(dict(img_path=image, seg_fields=[]))


def test_mask(image):
    item = packed(image)
    mask = item['data_samples'].pseudo_label_mask.data
    assert str(mask.dtype) == 'torch.uint8' and mask.shape == (1, HEIGHT, WIDTH)
    np.testing.assert_array_equal(mask[0], INSIDE)
    assert 'gt_sem_seg' not in item['data_samples']


def test_the_mask_goes_with_the_image(image):
    steps = [
        dict(type='Resize', scale=(2 * WIDTH, 2 * HEIGHT), interpolation='nearest'),
        dict(type='RandomCrop', crop_size=32),
        dict(type='RandomFlip', prob=0.5),
    ]
    np.random.seed(0)
    seen = set()
    for _ in range(30):
        item = packed(image, *steps)
        mask = item['data_samples'].pseudo_label_mask.data[0].numpy()
        assert mask.shape == (32, 32) and set(mask.ravel().tolist()) <= {0, 1}
        np.testing.assert_array_equal(255 * mask, item['inputs'][2])
        seen.add((mask.tobytes(), item['data_samples'].flip))
    assert len(seen) > 10


def test_the_mask_goes_through_the_preprocessor(image):
    batch = dict(inputs=[], data_samples=[])
    for key, value in packed(image).items():
        batch[key].append(value)
    preprocessor = SegDataPreProcessor(size=(HEIGHT, WIDTH), seg_pad_val=255)
    sample = preprocessor(batch, training=True)['data_samples'][0]
    np.testing.assert_array_equal(sample.pseudo_label_mask.data[0], INSIDE)


def test_masks_of_smaller_images_are_padded():
    samples = [SegDataSample(pseudo_label_mask=PixelData(data=m)) for m in torch.ones(2, 1, 4, 6)]
    samples[1].pseudo_label_mask = PixelData(data=torch.ones(1, 3, 5))
    trusted = ImageBatch.from_data(torch.zeros(2, 3, 4, 6), samples).trusted
    assert trusted.sum(dim=(1, 2)).tolist() == [24, 15] and trusted[1, :3, :5].all()


def test_margins_of_nothing(image):
    assert PseudoLabelMargins().transform(dict(img=INSIDE))['pseudo_label_mask'].all()
    for margins in (dict(top=20, bottom=12), dict(left=64), dict(bottom=99)):
        with pytest.raises(UserError, match='64x32: PseudoLabelMargins'):
            PseudoLabelMargins(**margins).transform(dict(img=INSIDE, img_path='a.png'))


@pytest.mark.parametrize('margin', [-1, 2.5, '3'])
def test_margins_that_are_none(margin):
    with pytest.raises(UserError, match='left='):
        PseudoLabelMargins(left=margin)

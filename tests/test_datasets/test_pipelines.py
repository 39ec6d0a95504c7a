"""The shipped pipelines: the papers' input sizes, PIL's own pixels, labels nearest or native."""

from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from PIL import Image

from mmseg_gl.datasets.label_ids import lookup_table

DATASETS = Path(__file__).parents[2] / 'configs' / '_base_' / 'datasets'
SOURCES = [('gta5', (191, 105), (1280, 720)), ('synthia', (128, 76), (1280, 760))]


@pytest.fixture(autouse=True)
def mmseg_scope():
    init_default_scope('mmseg')


def pil_resized(pixels, size):
    """What the official codes feed: PIL, bicubic, then BGR; (3, H, W)."""
    image = np.asarray(Image.fromarray(pixels).resize(size, Image.BICUBIC))
    return image[..., ::-1].transpose(2, 0, 1)


def random_image(size):
    return np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)


def config(name):
    return Config.fromfile(DATASETS / f'{name}_to_cityscapes.py')


@pytest.mark.parametrize('name, raw_size, size', SOURCES)
def test_source(tmp_path, write_png, name, raw_size, size):
    pixels = random_image(raw_size)
    raw = pixels[..., 0] % 23
    label = np.dstack([raw, raw, raw]).astype(np.uint16) if name == 'synthia' else raw
    results = Compose(config(name).train_dataloader.dataset.source.pipeline)(
        dict(
            img_path=write_png(tmp_path / 'image.png', pixels),
            seg_map_path=write_png(tmp_path / 'label.png', label),
            seg_fields=[],
        )
    )
    expected = Image.fromarray(lookup_table(name)[raw]).resize(size, Image.NEAREST)
    np.testing.assert_array_equal(results['inputs'].numpy(), pil_resized(pixels, size))
    labels = results['data_samples'].gt_sem_seg.data
    np.testing.assert_array_equal(labels.squeeze(0).numpy(), np.asarray(expected))


@pytest.mark.parametrize('name', ['gta5', 'synthia'])
def test_target_has_no_labels(tmp_path, write_png, name):
    pixels = random_image((204, 102))
    results = Compose(config(name).train_dataloader.dataset.target.pipeline)(
        dict(img_path=write_png(tmp_path / 'image.png', pixels), seg_fields=[])
    )
    np.testing.assert_array_equal(results['inputs'].numpy(), pil_resized(pixels, (1024, 512)))
    assert 'gt_sem_seg' not in results['data_samples']


@pytest.mark.parametrize('name', ['gta5', 'synthia'])
@pytest.mark.parametrize('split', ['val', 'test'])
def test_validation_labels_keep_their_size(tmp_path, write_png, name, split):
    pixels = random_image((204, 102))
    raw = pixels[..., 0] % 34
    results = Compose(config(name)[f'{split}_dataloader'].dataset.pipeline)(
        dict(
            img_path=write_png(tmp_path / 'image.png', pixels),
            seg_map_path=write_png(tmp_path / 'a_labelIds.png', raw),
            seg_fields=[],
        )
    )
    np.testing.assert_array_equal(results['inputs'].numpy(), pil_resized(pixels, (1024, 512)))
    labels = results['data_samples'].gt_sem_seg.data.squeeze(0).numpy()
    np.testing.assert_array_equal(labels, lookup_table('cityscapes')[raw])
    assert results['data_samples'].ori_shape == (102, 204)

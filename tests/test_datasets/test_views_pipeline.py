"""The views of test-time augmentation and their labels."""

import numpy as np
import pytest
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from PIL import Image

from mmseg_gl.datasets.views_pipeline import views_pipeline

IDS = dict(type='LoadTrainIds', ids={0: 0, 1: 1})
RESIZES = (
    [dict(type='Resize', scale=(16, 8), keep_ratio=True)],
    [dict(type='Resize', scale_factor=0.5)],
    [],  # images as they are
)


@pytest.mark.parametrize('resize', RESIZES)
def test_views(resize, tmp_path):
    init_default_scope('mmseg')
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (16, 32, 3), np.uint8)).save(tmp_path / 'image.png')
    label = rng.integers(0, 2, (16, 32), np.uint8)
    Image.fromarray(label).save(tmp_path / 'label.png')
    steps = [dict(type='LoadImage'), *resize, IDS, dict(type='PackSegInputs')]
    item = dict(
        img_path=str(tmp_path / 'image.png'),
        seg_map_path=str(tmp_path / 'label.png'),
        seg_fields=[],
    )
    plain = Compose(steps)(dict(item))
    views = Compose(views_pipeline(steps, [0.5, 1.0, 1.5]))(dict(item))
    height, width = plain['inputs'].shape[1:]
    assert [tuple(view.shape[1:]) for view in views['inputs']] == [
        *2 * [(height, width)],
        *2 * [(height * 3 // 2, width * 3 // 2)],
        *2 * [(height // 2, width // 2)],
    ]
    assert (views['inputs'][0] == plain['inputs']).all()
    assert (views['inputs'][1] == plain['inputs'].flip(2)).all()
    for sample, flipped in zip(views['data_samples'], 3 * (False, True)):
        assert sample.flip == flipped
        assert (sample.gt_sem_seg.data.numpy() == label).all()  # neither flipped nor resized

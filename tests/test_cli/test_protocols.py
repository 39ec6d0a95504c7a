"""tools/test.py under each evaluation protocol, from the config to metrics.json and the PNGs."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS
from PIL import Image

from mmseg_gl.config.load import load_config

CONFIGS = Path(__file__).parents[2] / 'configs'
TINY = CONFIGS / 'source_only/source-only_deeplabv2-tiny_street-scenes.py'
CLASSES_16 = CONFIGS / '_base_/datasets/synthia_to_cityscapes_16_classes.py'


@pytest.fixture
def tested(run, data_options, street_scenes, tmp_path):
    """Test a network that sees bicycles only; return metrics.json and a prediction's PNG."""

    def tested(config):
        model = MODELS.build(load_config(config).model)
        torch.nn.init.constant_(model.segmentor.decode_head.branches[0].bias[-1], 1e3)
        torch.save(dict(meta={}, state_dict=model.state_dict()), tmp_path / 'weights.pth')
        outcome = run(
            *('test', config, tmp_path / 'weights.pth', '--work-dir', tmp_path / 'work'),
            *('--out', tmp_path / 'out', '--show-dir', tmp_path / 'show'),
            *('--cfg-options', *data_options(street_scenes, target=False)),
        )
        assert outcome.code == 0, outcome.err
        metrics = json.loads((tmp_path / 'work/metrics.json').read_text())
        return metrics, Image.open(sorted((tmp_path / 'out').iterdir())[0])

    return tested


def test_19_outputs(tested, street_scenes, tmp_path):
    metrics, prediction = tested(TINY)
    assert (np.asarray(prediction) == 18).all()
    pictures = {path.relative_to(tmp_path / 'show') for path in (tmp_path / 'show').rglob('*.png')}
    images = street_scenes / 'cityscapes/leftImg8bit/val'
    assert pictures == {path.relative_to(images) for path in images.rglob('*.png')}
    with Image.open(tmp_path / 'show' / min(pictures)) as picture:
        drawn = np.asarray(picture)[100]  # a row through the image, its truth and the prediction
    assert drawn.shape == (4 + 3 * (256 + 4), 3)  # 64 pixels, each four times, and margins
    assert (drawn[4 + 2 * (256 + 4) : -4] == [119, 11, 32]).all()  # bicycles
    assert metrics['protocol'] == (
        '19 outputs; ground truth of every class counts; mIoU16 and mIoU13: rows of the same '
        'matrix; input 192x96; scored at 64x32; logits upsampled'
    )


def test_16_outputs_and_probabilities(tested, run, street_scenes, tmp_path):
    config = tmp_path / 'sixteen.py'
    config.write_text(
        f"""_base_ = '{TINY}'
metainfo = {load_config(CLASSES_16, required=()).metainfo}
model = dict(segmentor=dict(test_cfg=dict(upsample='probabilities')))
"""
    )
    metrics, prediction = tested(config)
    assert metrics['protocol'] == (
        '16 outputs; ground truth of terrain, truck, train ignored; mIoU13: rows of the same '
        'matrix; input 192x96; scored at 64x32; probabilities upsampled'
    )
    assert metrics['mIoU16'] == metrics['mIoU'] and 'IoU.terrain' not in metrics
    assert (np.asarray(prediction) == 18).all()  # the trainId; the output is 15
    palette = np.reshape(prediction.getpalette(), (-1, 3))
    assert palette[17:19].tolist() == [[0, 0, 230], [119, 11, 32]]  # Cityscapes' two-wheelers
    image = next((street_scenes / 'cityscapes/leftImg8bit/val').rglob('*.png'))
    outcome = run('infer', config, tmp_path / 'weights.pth', image, '--out', tmp_path / 'infer')
    assert outcome.code == 0, outcome.err
    assert (np.asarray(Image.open(tmp_path / 'infer/labels' / image.name)) == 18).all()

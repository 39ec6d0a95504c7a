"""mmseg's own doors open for what was trained here, and predict what tools/infer.py predicts."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.apis import MMSegInferencer, inference_model, init_model
from mmseg.registry import MODELS
from PIL import Image

from mmseg_gl.config.load import load_config
from mmseg_gl.config.mmseg_config import mmseg_config, segmentor_checkpoint

CONFIG = Path(__file__).parents[2] / (
    'configs/adaptsegnet/adaptsegnet-gl_deeplabv2-tiny_street-scenes.py'
)


@pytest.fixture
def trained(tmp_path):
    """A config, the checkpoint of a run, an image file and the prediction for it."""
    init_default_scope('mmseg')
    torch.manual_seed(0)
    cfg = load_config(CONFIG)
    model = MODELS.build(cfg.model)
    for parameter in model.segmentor.decode_head.parameters():
        torch.nn.init.normal_(parameter)
    checkpoint = tmp_path / 'iter_1.pth'
    meta = dict(dataset_meta=dict(classes=['a'] * 19, palette=[[0, 0, 0]] * 19))
    torch.save(dict(state_dict=model.state_dict(), meta=meta), checkpoint)
    image = tmp_path / 'image.jpg'
    pixels = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    turned = Image.Exif()
    turned[0x112] = 6  # orientation, which neither training nor tools/infer.py looks at
    Image.fromarray(pixels).save(image, exif=turned)
    return cfg, checkpoint, image


@pytest.fixture
def expected(trained, run, tmp_path):
    """What tools/infer.py predicts, (50, 70)."""
    _, checkpoint, image = trained
    outcome = run('infer', CONFIG, checkpoint, image, '--out', tmp_path / 'out')
    assert outcome.code == 0, outcome.err
    labels = np.asarray(Image.open(tmp_path / 'out/labels/image.png'))
    assert len(np.unique(labels)) > 3
    return labels


def labels_of(sample):
    return sample.pred_sem_seg.data[0].numpy()


def test_a_run_opens_in_init_model(trained, expected):
    _, checkpoint, image = trained
    model = init_model(str(CONFIG), str(checkpoint), device='cpu')
    assert np.array_equal(labels_of(inference_model(model, str(image))), expected)
    pixels = np.asarray(Image.open(image))[..., ::-1]  # mmseg takes BGR
    assert np.array_equal(labels_of(inference_model(model, np.ascontiguousarray(pixels))), expected)


def test_the_segmentor_alone_opens_everywhere(trained, expected, tmp_path):
    cfg, checkpoint, image = trained
    config, weights = str(tmp_path / 'plain.py'), str(tmp_path / 'segmentor.pth')
    mmseg_config(cfg).dump(config)
    torch.save(segmentor_checkpoint(cfg, checkpoint), weights)

    model = init_model(config, weights, device='cpu')
    assert model.dataset_meta['classes'][:2] == ['road', 'sidewalk']
    assert np.array_equal(labels_of(inference_model(model, str(image))), expected)
    inferencer = MMSegInferencer(model=config, weights=weights, device='cpu', show_progress=False)
    assert np.array_equal(inferencer(str(image))['predictions'], expected)

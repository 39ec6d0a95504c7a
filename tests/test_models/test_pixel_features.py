"""The features before the classifier, of networks with and without mmseg's own classifier."""

from pathlib import Path

import pytest
import torch
from mmseg.registry import MODELS

from mmseg_gl.config.load import load_config
from mmseg_gl.models.pixel_features import pixel_features

CONFIGS = Path(__file__).parents[2] / 'configs'


def test_mmsegs_classifier():
    cfg = load_config(CONFIGS / 'adaptsegnet/adaptsegnet_deeplabv2-tiny_street-scenes.py').model
    head = dict(type='FCNHead', in_channels=128, in_index=-1, channels=8, num_classes=19)
    cfg.segmentor.decode_head = head
    network = MODELS.build(cfg).segmentor.eval()
    features, logits = pixel_features(network, torch.rand(2, 3, 32, 64))
    assert features.shape[:2] == (2, 8)
    torch.testing.assert_close(network.decode_head.conv_seg(features), logits)


@pytest.mark.parametrize('method', ['adaptsegnet', 'hrda'])
def test_heads_that_are_the_classifier(method):
    path = CONFIGS / method / f'{method}_deeplabv2-tiny_street-scenes.py'
    network = MODELS.build(load_config(path).model).segmentor.eval()
    images = torch.rand(2, 3, 64, 128)
    features, logits = pixel_features(network, images)
    assert logits.equal(network(images, mode='tensor'))
    context = torch.nn.functional.interpolate(images, scale_factor=0.5, mode='bilinear')
    expected = network.extract_feat(images if method == 'adaptsegnet' else context)[-1]
    torch.testing.assert_close(features, expected)

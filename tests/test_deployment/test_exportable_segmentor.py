"""The exportable network equals the segmentor's own prediction, before any export."""

import pytest

from mmseg_gl.deployment.export import agreement
from mmseg_gl.deployment.exportable_segmentor import ExportableSegmentor
from mmseg_gl.deployment.predictor import Predictor

PREPROCESSOR = 'model.data_preprocessor'
CASES = {
    'BGR': ('tiny', {}),
    'RGB': ('segformer', {}),
    'not normalised': ('tiny', {f'{PREPROCESSOR}.mean': None, f'{PREPROCESSOR}.std': None}),
    'padded': ('segformer', {f'{PREPROCESSOR}.test_cfg': dict(size_divisor=64)}),
    'probabilities': ('tiny', {'model.segmentor.test_cfg.upsample': 'probabilities'}),
    'HRDA': ('hrda', {}),
    'windows': (
        'hrda',
        {
            'model.segmentor.test_cfg.mode': 'slide',
            'model.segmentor.test_cfg.crop_size': (64, 64),
            'model.segmentor.test_cfg.stride': (32, 48),
        },
    ),
}


@pytest.mark.parametrize('name', CASES)
def test_prediction(publish, name):
    predictor = Predictor(publish(*CASES[name]), 'cpu')
    result = agreement(predictor, ExportableSegmentor(predictor.segmentor), (2, 3, 96, 160))
    assert result.labels == 1
    assert result.difference <= 1e-5 * result.largest


def test_probabilities_that_are_zero(publish):
    def sharpen(contents):
        for name, tensor in contents['state_dict'].items():
            if 'decode_head' in name:
                tensor.mul_(1e4)

    predictor = Predictor(publish(*CASES['probabilities'], change=sharpen), 'cpu')
    result = agreement(predictor, ExportableSegmentor(predictor.segmentor), (2, 3, 96, 160))
    assert result.largest > 87  # -log of the smallest normal number
    assert result.difference <= 1e-5 * result.largest

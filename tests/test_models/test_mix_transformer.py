"""MixTransformer's size and start. What it computes: test_convert_weights, test_fidelity."""

import pytest
import torch

from mmseg_gl.models import MixTransformer


@pytest.mark.parametrize(
    'arch, number', [('b0', 3_319_392), ('b1', 13_151_424), ('b5', 81_443_008)]
)
def test_official_numbers_of_parameters(arch, number):
    with torch.device('meta'):
        assert sum(p.numel() for p in MixTransformer(arch).parameters()) == number


def test_weights_at_random():
    torch.manual_seed(0)
    net = MixTransformer('b0')
    net.init_weights()
    attention = net.layers[3][1][0].attn.attn
    assert abs(attention.in_proj_weight.std() - 0.02) < 1e-3 and not attention.in_proj_bias.any()


def test_dropout_of_attention_is_kept():
    net = MixTransformer('b0', attn_drop_rate=0.3)
    assert {block.attn.attn.dropout for _, blocks, _ in net.layers for block in blocks} == {0.3}

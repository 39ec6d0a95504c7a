"""Softmax and entropy maps: their range, their ends, and every precision."""

import pytest
import torch

from mmseg_gl.models.representations import entropy_map, softmax_map


def test_softmax_map():
    logits = 3 * torch.randn(2, 19, 5, 7)
    torch.testing.assert_close(softmax_map(logits).sum(1), torch.ones(2, 5, 7))


@pytest.mark.parametrize('autocast', [False, True])
@pytest.mark.parametrize('dtype', [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_entropy_map_is_finite_in_every_precision(dtype, autocast):
    # Probabilities of exactly 0 and 1, all equal ones, and the largest logits of the format.
    extreme = [[3e4, -3e4, 0], [3e4, 3e4, 3e4], [-3e4, -3e4, 1], [0, 0, 0], [120, 0, -120]]
    extreme.append([torch.finfo(dtype).max, torch.finfo(dtype).min, 0])
    logits = torch.tensor(extreme, dtype=dtype).t()[None, :, :, None].requires_grad_()
    with torch.autocast('cpu', torch.bfloat16, enabled=autocast):
        entropy = entropy_map(logits)
    assert entropy.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert (entropy >= 0).all() and (entropy.sum(1) <= 1 + 1e-6).all()
    torch.testing.assert_close(entropy.sum(1)[0, 1], torch.ones(1, dtype=entropy.dtype))
    assert entropy.sum(1)[0, 0] == 0
    entropy.sum().backward()
    assert torch.isfinite(logits.grad).all()

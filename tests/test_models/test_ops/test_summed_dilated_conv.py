"""The summed convolutions equal the convolutions summed, gradients included."""

import copy

import pytest
import torch

from mmseg_gl.models.ops.summed_dilated_conv import summed_dilated_conv


@pytest.mark.parametrize('size', [(9, 13), (3, 20), (1, 1)])
@pytest.mark.parametrize('dilations', [(6, 12, 18, 24), (2, 4), (1,)])
def test_summed_dilated_conv_equals_the_convolutions(size, dilations):
    torch.manual_seed(0)
    convs = torch.nn.ModuleList(
        torch.nn.Conv2d(5, 4, 3, padding=d, dilation=d) for d in dilations
    ).double()
    x = torch.randn(2, 5, *size, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(2, 4, *size, dtype=torch.float64)
    wanted = sum(conv(x) for conv in convs)
    got = summed_dilated_conv(x, convs)
    torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-12)
    inputs = [x, *convs.parameters()]
    for a, b in zip(
        torch.autograd.grad((got * weights).sum(), inputs),
        torch.autograd.grad((wanted * weights).sum(), inputs),
    ):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def test_summed_dilated_conv_under_autocast_is_no_worse_than_the_convolutions():
    torch.manual_seed(0)
    dilations = (6, 12, 18, 24)
    convs = torch.nn.ModuleList(torch.nn.Conv2d(64, 4, 3, padding=d, dilation=d) for d in dilations)
    x = torch.randn(1, 64, 20, 30, requires_grad=True)
    exact = sum(copy.deepcopy(conv).double()(x.double()) for conv in convs)
    with torch.autocast('cpu', torch.bfloat16):
        ours = summed_dilated_conv(x, convs)
        theirs = sum(conv(x) for conv in convs)
    assert ours.dtype == torch.float32
    assert (ours - exact).norm() < (theirs - exact).norm() < 0.01 * exact.norm()
    ours.sum().backward()
    assert x.grad.dtype == torch.float32 and torch.isfinite(x.grad).all()

"""The loss in chunks equals the layers on whole maps, gradients included."""

import pytest
import torch
import torch.nn.functional as F

from mmseg_gl.models import LocalDiscriminatorHead, Outputs
from mmseg_gl.models.ops.pixelwise_loss import CHUNK, pixelwise_loss

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-5}


def inputs(dtype, seed=0):
    generator = torch.Generator().manual_seed(seed)
    maps = torch.rand(2, 5, 7, 9, generator=generator, dtype=dtype).requires_grad_()
    domain = (torch.rand(2, 1, 7, 9, generator=generator) < 0.5).to(dtype)
    valid = torch.rand(2, 1, 7, 9, generator=generator) < 0.7
    torch.manual_seed(seed)
    head = LocalDiscriminatorHead(5, dict(decode=1.0), channels=(6, 8, 10, 12))
    return maps, domain, valid, head.to(dtype).discriminators['decode']


def straightforward(maps, domain, valid, layers, gan):
    scores = layers(maps)
    if gan == 'bce':
        losses = F.softplus(scores) - scores * domain
    else:
        losses = (scores - domain) ** 2
    return losses[valid].mean(), scores


def relative(one, other):
    return ((one - other).norm() / other.norm()).item()


@pytest.mark.parametrize('dtype', TOLERANCE, ids=str)
@pytest.mark.parametrize('gan', ['bce', 'lsgan'])
@pytest.mark.parametrize('size', [1, 10, 63, 2048])
def test_loss_scores_and_gradients(size, gan, dtype, monkeypatch):
    monkeypatch.setitem(CHUNK, 'cpu', size)
    maps, domain, valid, layers = inputs(dtype)
    variables = [maps, *layers.parameters()]
    loss, scores = pixelwise_loss(maps, domain, valid, layers, gan)
    gradients = torch.autograd.grad(3 * loss, variables)
    expected, expected_scores = straightforward(maps, domain, valid, layers, gan)
    assert relative(loss, expected) < TOLERANCE[dtype] and loss.dtype == dtype
    assert relative(scores, expected_scores) < TOLERANCE[dtype] and not scores.requires_grad
    for one, other in zip(gradients, torch.autograd.grad(3 * expected, variables)):
        assert relative(one, other) < TOLERANCE[dtype]


def test_no_valid_pixel_is_loss_zero():
    maps, domain, valid, layers = inputs(torch.float32)
    loss, _ = pixelwise_loss(maps, domain, torch.zeros_like(valid), layers)
    loss.backward()
    assert loss == 0 and not maps.grad.any()


def test_first_layer_that_sees_neighbours():
    head = LocalDiscriminatorHead(5, dict(decode=0.5), channels=(6, 8), kernel_size=3).double()
    logits = inputs(torch.float64)[0]
    loss = head.fool(Outputs(None, logits=dict(decode=logits)))['loss_adv_local_decode']
    expected = 0.5 * F.softplus(head.discriminators['decode'](logits.softmax(1))).mean()
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)
    variables = [logits, *head.parameters()]
    for one, other in zip(
        torch.autograd.grad(loss, variables), torch.autograd.grad(expected, variables)
    ):
        assert relative(one, other) < 1e-9


def test_half_precision_gradients_do_not_vanish():
    maps, domain, valid, layers = inputs(torch.float32)
    with torch.autocast('cpu', torch.bfloat16):
        loss, _ = pixelwise_loss(maps, domain, valid, layers)
    loss.backward()
    expected, _ = straightforward(maps, domain, valid, layers, 'bce')
    gradients = torch.autograd.grad(expected, [maps, *layers.parameters()])
    assert loss.dtype == torch.float32 and relative(loss, expected) < 0.02
    for variable, gradient in zip([maps, *layers.parameters()], gradients):
        assert relative(variable.grad, gradient) < 0.25


def test_float16_sums_over_many_pixels(monkeypatch):
    monkeypatch.setitem(CHUNK, 'cpu', CHUNK['cuda'])
    maps, domain = torch.zeros(1, 5, 320, 320), torch.ones(1, 1, 320, 320)
    layers = LocalDiscriminatorHead(5, dict(decode=1.0), channels=(2,)).discriminators['decode']
    with torch.no_grad():
        layers[2].weight.zero_()
        layers[2].bias.zero_()
        layers[0].bias.fill_(4)  # the sum over the pixels, -0.5 * 4 for each, is no float16
    with torch.autocast('cpu', torch.float16):
        loss, _ = pixelwise_loss(maps, domain, domain.bool(), layers)
    loss.backward()
    torch.testing.assert_close(layers[2].weight.grad, torch.full((1, 2, 1, 1), -2.0))

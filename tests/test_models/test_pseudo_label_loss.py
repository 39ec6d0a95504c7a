"""PseudoLabelLoss against a straight-line computation, in float64."""

import pytest
import torch
from mmseg.registry import MODELS

from mmseg_gl.errors import UserError
from mmseg_gl.models import Outputs

K = 19


def build(**weights):
    return MODELS.build(dict(type='PseudoLabelLoss', loss_weights=weights))


def random_logits(seed=0):
    generator = torch.Generator().manual_seed(seed)
    z = 3 * torch.randn(2, K, 6, 8, generator=generator, dtype=torch.float64)
    return z.requires_grad_()


def outputs(labels=None, **logits):
    return Outputs(images=None, labels=labels, logits=logits)


def random_labels():
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(0, K, (2, 6, 8), generator=generator)
    labels[0, :5] = 255  # the images have different numbers of labelled pixels
    labels[1, 0] = 255
    return labels


def test_mean_over_the_labelled_pixels_of_the_batch():
    logits = dict(decode=random_logits(0), auxiliary=random_logits(1))
    labels = random_labels()
    losses = build(decode=1.0, auxiliary=0.1)(outputs(labels, **logits))
    assert set(losses) == {'loss_pseudo_decode', 'loss_pseudo_auxiliary'}
    for level, weight in (('decode', 1.0), ('auxiliary', 0.1)):
        terms = []
        for n, y, x in torch.nonzero(labels != 255).tolist():
            p = torch.exp(logits[level][n, :, y, x])
            terms.append(-torch.log(p[labels[n, y, x]] / p.sum()))
        expected = weight * sum(terms) / len(terms)
        torch.testing.assert_close(losses[f'loss_pseudo_{level}'], expected)


def test_no_labelled_pixel_is_zero():
    z = random_logits()
    loss = build(decode=1.0)(outputs(torch.full((2, 6, 8), 255), decode=z))
    loss['loss_pseudo_decode'].backward()
    assert loss['loss_pseudo_decode'].item() == 0 and not z.grad.any()


def test_target_without_labels():
    with pytest.raises(UserError, match='LoadPseudoLabels .*target'):
        build(decode=1.0)(outputs(decode=random_logits()))


def test_labels_of_another_size():
    labels = random_labels()[:, :3]
    with pytest.raises(UserError, match='8x3.* 8x6'):
        build(decode=1.0)(outputs(labels, decode=random_logits()))

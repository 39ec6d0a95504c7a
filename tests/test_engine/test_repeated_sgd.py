import copy

import pytest
import torch
from torch import nn

from mmseg_gl.engine.optimizers import RepeatedSGD
from mmseg_gl.errors import UserError

LR, MOMENTUM, DECAY = 0.1, 0.9, 0.01


def run(semantics, repeats, gradients):
    parameter = nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    group = dict(params=[parameter], repeats=repeats)
    optimizer = RepeatedSGD(
        [group], lr=LR, momentum=MOMENTUM, weight_decay=DECAY, semantics=semantics
    )
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimizer.step()
    return parameter.detach()


def papers(repeats, gradients):
    p, b = torch.tensor([1.0, -2.0], dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    for gradient in gradients:
        g = gradient
        for _ in range(repeats):
            g = g + DECAY * p
            b = MOMENTUM * b + g
            p = p - LR * b
    return p


def torch2(repeats, gradients):
    p, b = torch.tensor([1.0, -2.0], dtype=torch.float64), None
    for step, gradient in enumerate(gradients):
        for _ in range(repeats):
            d = gradient + DECAY * p
            b = d if step == 0 else MOMENTUM * b + d
            p = p - LR * b
    return p


def gradients():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, generator=generator, dtype=torch.float64) for _ in range(4)]


@pytest.mark.parametrize('repeats', [1, 3, 4])
def test_semantics(repeats):
    for semantics, formula in (('papers', papers), ('torch2', torch2)):
        torch.testing.assert_close(
            run(semantics, repeats, gradients()), formula(repeats, gradients()), rtol=1e-14, atol=0
        )
    assert not torch.allclose(papers(3, gradients()), torch2(3, gradients()))


def test_torch2_is_what_torch_does_with_a_tensor_listed_three_times():
    parameter = nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    with pytest.warns(UserWarning, match='duplicate'):
        optimizer = torch.optim.SGD(
            [parameter] * 3, lr=LR, momentum=MOMENTUM, weight_decay=DECAY, foreach=False
        )
    for gradient in gradients():
        parameter.grad = gradient.clone()
        optimizer.step()
    torch.testing.assert_close(parameter.detach(), run('torch2', 3, gradients()))


def test_clean_is_plain_sgd():
    parameter = nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    optimizer = torch.optim.SGD([parameter], lr=LR, momentum=MOMENTUM, weight_decay=DECAY)
    for gradient in gradients():
        parameter.grad = gradient.clone()
        optimizer.step()
    torch.testing.assert_close(parameter.detach(), run('clean', 3, gradients()))


@pytest.mark.parametrize('semantics', ['papers', 'torch2', 'clean'])
def test_several_tensors_at_once_are_updated_as_one_by_one(semantics, monkeypatch):
    def trained(batched):
        monkeypatch.setattr(RepeatedSGD, 'batched', batched)
        parameters = [nn.Parameter(torch.full((2,), float(i))) for i in range(6)]
        groups = [dict(params=[p], repeats=1 + i % 2) for i, p in enumerate(parameters)]
        groups[5]['lr'] = 0.5
        optimizer = RepeatedSGD(
            groups, lr=LR, momentum=MOMENTUM, weight_decay=DECAY, semantics=semantics
        )
        for step, gradient in enumerate(gradients()):
            for i, parameter in enumerate(parameters):
                late = i == 3 and step == 0  # its momentum starts a step later than the others'
                parameter.grad = None if late else gradient.float() + i
            assert len(optimizer.batches()) == (3 + (step == 1) if batched else 6 - (step == 0))
            optimizer.step()
        return parameters

    for one, other in zip(trained(True), trained(False)):
        assert torch.equal(one, other)


def test_state_resumes():
    parameter = nn.Parameter(torch.ones(2))
    optimizer = RepeatedSGD([parameter], lr=LR, momentum=MOMENTUM, repeats=3)
    twin = nn.Parameter(torch.ones(2))
    for step in range(4):
        if step == 2:
            resumed = RepeatedSGD([twin], lr=1.0, momentum=0.0)
            twin.data.copy_(parameter.data)
            resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        parameter.grad = torch.full((2,), float(step))
        optimizer.step()
        if step >= 2:
            twin.grad = torch.full((2,), float(step))
            resumed.step()
    assert torch.equal(parameter, twin)


def test_unknown_semantics():
    with pytest.raises(UserError, match="'torch1' is unknown; choose from papers, torch2, clean"):
        RepeatedSGD([nn.Parameter(torch.ones(1))], lr=0.1, semantics='torch1')

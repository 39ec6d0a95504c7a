import copy

import pytest
import torch
from torch import nn

from mmseg_gl.engine.optimizers import RepeatedSGD

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


def gradients():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, generator=generator, dtype=torch.float64) for _ in range(4)]


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

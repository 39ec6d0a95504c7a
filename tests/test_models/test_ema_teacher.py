"""EMATeacher against straight-line averages, and what it is in training and evaluation."""

import copy

import pytest
import torch
from torch import nn

from mmseg_gl.errors import UserError
from mmseg_gl.models import EMATeacher, ImageBatch, MaskedImages


class Network(nn.Module):
    """A segmentor in small: a convolution, batch norm and dropout, two classes."""

    align_corners = False

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2), nn.Dropout2d(0.5))

    def forward(self, images):
        return self.layers(images[:, :, ::2, ::2])


def drift(network):
    """Change parameters and running statistics, as a training step does."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += torch.randn(parameter.shape)
    network.train()(torch.randn(2, 3, 8, 8).to(parameter))


def values(module):
    state = module.state_dict()
    return {name: value.clone() for name, value in state.items() if value.is_floating_point()}


@pytest.mark.parametrize('follow', ['before', 'after'])
@pytest.mark.parametrize('buffers', ['copy', 'average', 'own'])
def test_averages(follow, buffers):
    torch.manual_seed(0)
    network = Network().double()
    teacher = EMATeacher(Network().double(), momentum=0.2, buffers=buffers, follow=follow)
    own = values(teacher.segmentor)
    expected = values(network)  # the first time it becomes what is trained, as initialised
    updates = 0
    for _ in range(8):
        teacher.before_step(network)
        if follow == 'before':
            students, updates = values(network), updates + 1
            expected = average(expected, students, updates - 1, buffers, own)
        compare(teacher, expected, buffers, own)
        drift(network)
        teacher.after_step(network)
        if follow == 'after':
            students, updates = values(network), updates + 1
            expected = average(expected, students, updates - 1, buffers, own)
            compare(teacher, expected, buffers, own)


def average(teacher, student, step, buffers, own):
    """alpha = min(1 - 1 / (step + 1), 0.8): the official codes' formula."""
    alpha = min(1 - 1 / (step + 1), 0.8)
    return {
        name: student[name]
        if 'running' in name and buffers == 'copy'
        else alpha * teacher[name] + (1 - alpha) * student[name]
        for name in teacher
    }


def compare(teacher, expected, buffers, own):
    for name, value in values(teacher.segmentor).items():
        wanted = own[name] if 'running' in name and buffers == 'own' else expected[name]
        torch.testing.assert_close(value, wanted, rtol=1e-12, atol=1e-12)


def test_it_resumes_and_has_nothing_to_train():
    network = Network()
    teacher, twin = EMATeacher(network), EMATeacher(Network())
    for _ in range(3):
        drift(network)
        teacher.before_step(network)
    twin.load_state_dict(teacher.state_dict())
    drift(network)
    for one in (teacher, twin):
        one.before_step(network)
    for name, value in teacher.state_dict().items():
        assert torch.equal(value, twin.state_dict()[name]), name
    assert not any(parameter.requires_grad for parameter in teacher.parameters())


def test_labels_are_of_the_images_size_without_dropout():
    torch.manual_seed(0)
    teacher = EMATeacher(Network()).train()
    images = torch.randn(2, 3, 8, 12)
    labels, confidence = teacher.label(ImageBatch(images))
    assert labels.shape == confidence.shape == (2, 8, 12) and (confidence >= 0.5).all()
    network = copy.deepcopy(teacher.segmentor).train()
    logits = network.layers[1](network.layers[0](images[:, :, ::2, ::2]))  # the batch's statistics
    expected = nn.functional.interpolate(logits, size=(8, 12), mode='bilinear').softmax(dim=1)
    torch.testing.assert_close(confidence, expected.max(dim=1).values)
    assert torch.equal(labels, expected.argmax(dim=1))


def test_attention_without_dropout():
    torch.manual_seed(0)
    teacher = EMATeacher(nn.MultiheadAttention(4, 2, dropout=0.9)).train()
    tokens = torch.randn(5, 1, 4)
    first, second = (teacher.segmentor(tokens, tokens, tokens)[0] for _ in range(2))
    assert torch.equal(first, second)


def test_a_view_with_a_teacher_of_its_own():
    torch.manual_seed(0)
    view = MaskedImages(segmentor=Network(), teacher=dict(type='EMATeacher')).train()
    target = ImageBatch(torch.randn(2, 3, 8, 12))
    of_the_model = [torch.full((2, 8, 12), 7), torch.ones(2, 8, 12)]
    masked = view(dict(target=target), lambda batch: of_the_model)
    assert torch.equal(masked.labels, view.teacher.label(target)[0])


@pytest.mark.parametrize(
    'options, named',
    [
        (dict(momentum=2), 'momentum=2'),
        (dict(buffers='none'), "buffers='none'"),
        (dict(follow='never'), "follow='never'"),
    ],
)
def test_options_that_do_not_fit(options, named):
    with pytest.raises(UserError, match=named):
        EMATeacher(Network(), **options)

"""FeatureDistance: which cells count. test_fidelity compares what it computes."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from mmseg_gl.errors import UserError
from mmseg_gl.models import FeatureDistance, Outputs

CAR, RIDER, ROAD = 13, 12, 0


class Backbone(nn.Module):
    """Cells of 4x4 pixels, with dropout."""

    init_cfg = dict(type='Pretrained', checkpoint='nowhere.pth')

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 5, 4, stride=4), nn.Dropout2d(0.5))

    def forward(self, images):
        return [self.layers(images)]


def build(**options):
    torch.manual_seed(0)
    return FeatureDistance(SimpleNamespace(backbone=Backbone()), **options).train()


def some_labels():
    """Two images of 1x3 cells; shares of car: 3/4 and 11/16; of rider: all; then no thing."""
    labels = torch.full((2, 4, 12), ROAD)
    labels[0, :3, :4] = CAR
    labels[0, :3, 4:8] = CAR
    labels[0, 0, 4] = 255
    labels[0, :, 8:] = RIDER
    labels[1, :, :8] = 255
    return labels


@pytest.mark.parametrize(
    'options, cells',
    [
        (dict(), [(0, 0), (0, 2)]),
        (dict(min_share=0.6), [(0, 0), (0, 1), (0, 2)]),
        (dict(classes=(CAR,)), [(0, 0)]),
        (dict(classes=None), [(n, x) for n in range(2) for x in range(3)]),
    ],
)
def test_cells_that_count(options, cells):
    loss = build(loss_weight=0.5, **options)
    images, features = torch.randn(2, 3, 4, 12), torch.randn(2, 5, 1, 3, requires_grad=True)
    pretrained = loss.backbone.layers[0](images)  # without dropout
    outputs = Outputs(images=images, labels=some_labels(), features=(features,))
    (value,) = loss(outputs).values()
    wanted = sum((features[n, :, 0, x] - pretrained[n, :, 0, x]).norm() for n, x in cells)
    torch.testing.assert_close(value, 0.5 * wanted / len(cells))
    value.backward()
    assert all(p.grad is None for p in loss.parameters())


def test_nothing_to_compare():
    """Official: NaN, with a gradient of 0."""
    loss, features = build(), torch.randn(1, 5, 1, 3, requires_grad=True)
    outputs = Outputs(torch.randn(1, 3, 4, 12), labels=some_labels()[1:], features=(features,))
    (value,) = loss(outputs).values()
    value.backward()
    assert value == 0 and not features.grad.any()


def test_what_does_not_fit():
    with pytest.raises(UserError, match='backbone.init_cfg'):
        FeatureDistance(SimpleNamespace(backbone=nn.Identity()))
    outputs = Outputs(torch.zeros(1, 3, 4, 13), labels=torch.zeros(1, 4, 13).long())
    outputs.features = (torch.zeros(1, 5, 1, 3),)
    with pytest.raises(UserError, match='13x4 .*3x1 '):
        build()(outputs)

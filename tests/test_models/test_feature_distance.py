"""FeatureDistance: which cells count. test_fidelity compares what it computes."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.model import BaseModule
from torch import nn

from mmseg_gl.engine.checkpoint import check_start
from mmseg_gl.errors import UserError
from mmseg_gl.models import FeatureDistance, Outputs

CAR, RIDER, ROAD = 13, 12, 0


class Backbone(BaseModule):
    """Cells of 4x4 pixels, with dropout."""

    def __init__(self, checkpoint='nowhere.pth'):
        super().__init__(dict(type='Pretrained', checkpoint=str(checkpoint)))
        self.layers = nn.Sequential(nn.Conv2d(3, 5, 4, stride=4), nn.Dropout2d(0.5))

    def forward(self, images):
        return [self.layers(images)]


def build(**options):
    torch.manual_seed(0)
    return FeatureDistance(SimpleNamespace(backbone=Backbone(), num_classes=19), **options).train()


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


@pytest.mark.parametrize('load_from', [False, True])
def test_the_weights_to_compare_with_come_from_the_file(load_from, tmp_path):
    """Also where the segmentor starts from a checkpoint."""
    pretrained, model = Backbone(), BaseModule()
    torch.save(pretrained.state_dict(), tmp_path / 'imagenet.pth')
    model.segmentor = BaseModule()
    model.segmentor.num_classes = 19
    model.segmentor.backbone = Backbone(tmp_path / 'imagenet.pth')
    model.feature_distance = FeatureDistance(model.segmentor)
    if load_from:
        own = {f'segmentor.{k}': v.clone() for k, v in model.segmentor.state_dict().items()}
        check_start(model, 'start.pth', dict(state_dict=own), resume=False)
    model.init_weights()
    wanted = pretrained.state_dict()
    assert all(
        torch.equal(value, wanted[key])
        for key, value in model.feature_distance.backbone.state_dict().items()
    )


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
    with pytest.raises(UserError, match='the classes 0 to 4'):
        FeatureDistance(SimpleNamespace(backbone=Backbone(), num_classes=5))
    with pytest.raises(UserError, match='neck'):
        FeatureDistance(SimpleNamespace(backbone=Backbone(), num_classes=19, with_neck=True))
    outputs = Outputs(torch.zeros(1, 3, 4, 13), labels=torch.zeros(1, 4, 13).long())
    outputs.features = (torch.zeros(1, 5, 1, 3),)
    with pytest.raises(UserError, match='13x4 .*3x1 '):
        build()(outputs)

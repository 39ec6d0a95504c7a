"""Sizes, parameter counts and details that the official networks fix."""

import copy

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn

import mmseg_gl  # noqa: F401
from mmseg_gl.errors import UserError
from mmseg_gl.models import (
    DeepLabV2Head,
    DeepLabV2ResNet,
    DeepLabV2VGG,
    FCN8sHead,
    FCN8sVGG,
    GlobalDiscriminatorHead,
    ImageBatch,
)
from mmseg_gl.models.ops.summed_dilated_conv import summed_dilated_conv
from mmseg_gl.models.representations import entropy_map, softmax_map


def trainable(module):
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def test_resnet101_has_the_official_parameters_and_details():
    net = DeepLabV2ResNet(depth=101)
    assert trainable(net) == 42_394_816
    assert net.maxpool.ceil_mode
    first, second = net.layer2[0], net.layer2[1]
    assert first.conv1.stride == (2, 2) and first.conv2.stride == (1, 1)
    assert second.conv1.stride == (1, 1)
    for layer, dilation in ((net.layer3, 2), (net.layer4, 4)):
        assert {block.conv2.dilation for block in layer} == {(dilation, dilation)}
        assert layer[0].downsample[0].stride == (1, 1)
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(norms) == 104 and not any(p.requires_grad for m in norms for p in m.parameters())
    net.train()
    assert all(m.training for m in norms)


@pytest.mark.parametrize(
    'size, expected', [((360, 640), (46, 81)), ((256, 512), (33, 65)), ((72, 232), (10, 30))]
)
def test_resnet_sizes_round_up(size, expected):
    net = DeepLabV2ResNet(depth=10, stem_channels=4, base_channels=4)
    net.eval()
    with torch.no_grad():
        layer3, layer4 = net(torch.zeros(1, 3, *size))
    assert layer3.shape == (1, 16, *expected) and layer4.shape == (1, 32, *expected)


def test_vgg_has_the_official_parameters_and_sizes():
    net = DeepLabV2VGG()
    head = DeepLabV2Head(in_channels=1024, num_classes=19)
    assert trainable(net) + trainable(head) == 29_573_004
    assert len(net.features) == 33
    convs = {i: m for i, m in enumerate(net.features) if isinstance(m, nn.Conv2d)}
    assert [convs[i].dilation[0] for i in (21, 23, 25, 27, 29, 31)] == [1, 2, 2, 2, 4, 4]
    assert not any(isinstance(m, nn.Dropout | nn.BatchNorm2d) for m in net.modules())
    with torch.no_grad():
        (out,) = DeepLabV2VGG(base_channels=8)(torch.zeros(1, 3, 70, 90))
    assert out.shape == (1, 128, 8, 11)


@pytest.mark.parametrize(
    'num_branches, expected', [(4, 1_400_908), (2, 700_454), (None, 1_400_908)]
)
def test_head_branches(num_branches, expected):
    head = DeepLabV2Head(in_channels=2048, num_classes=19, num_branches=num_branches)
    assert trainable(head) == expected
    assert [b.dilation[0] for b in head.branches] == [6, 12, 18, 24][: num_branches or 4]


def test_head_sums_its_branches():
    head = DeepLabV2Head(in_channels=8, num_classes=5, dilations=(1, 2), in_index=0)
    x = torch.randn(2, 8, 9, 11)
    by_hand = sum(
        nn.functional.conv2d(x, b.weight, b.bias, padding=d, dilation=d)
        for b, d in zip(head.branches, (1, 2))
    )
    torch.testing.assert_close(head([x]), by_hand)
    assert abs(head.branches[0].weight.std() - 0.01) < 0.002


def test_global_discriminator_is_the_official_one():
    head = GlobalDiscriminatorHead(num_classes=19, loss_weights=dict(decode=1e-3))
    network = head.discriminators['decode']
    assert trainable(network) == 2_781_121
    with torch.no_grad():
        assert network(torch.zeros(1, 19, 720, 1280)).shape == (1, 1, 22, 40)
        assert network(torch.zeros(1, 19, 512, 1024)).shape == (1, 1, 16, 32)
    slopes = {m.negative_slope for m in network if isinstance(m, nn.LeakyReLU)}
    assert slopes == {0.2} and isinstance(network[-1], nn.Conv2d)


def test_representations():
    logits = 3 * torch.randn(2, 19, 5, 7)
    torch.testing.assert_close(softmax_map(logits).sum(1), torch.ones(2, 5, 7))
    entropy = entropy_map(logits).sum(1)
    assert 0 <= entropy.min() and entropy.max() <= 1
    torch.testing.assert_close(entropy_map(torch.zeros(1, 19, 1, 1)).sum(), torch.tensor(1.0))
    certain = torch.tensor([200.0, 0.0, -200.0]).view(1, 3, 1, 1).requires_grad_()
    entropy_map(certain).sum().backward()
    assert torch.isfinite(certain.grad).all() and entropy_map(certain).abs().max() < 1e-6
    assert entropy_map(certain.half()).dtype == torch.float32


@pytest.mark.parametrize('autocast', [False, True])
@pytest.mark.parametrize('dtype', [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_entropy_map_is_finite_in_every_precision(dtype, autocast):
    # Probabilities of exactly 0 and 1, all equal ones, and the largest logits of the format.
    extreme = [[3e4, -3e4, 0], [3e4, 3e4, 3e4], [-3e4, -3e4, 1], [0, 0, 0], [120, 0, -120]]
    extreme.append([torch.finfo(dtype).max, torch.finfo(dtype).min, 0])
    logits = torch.tensor(extreme, dtype=dtype).t()[None, :, :, None].requires_grad_()
    with torch.autocast('cpu', torch.bfloat16, enabled=autocast):
        entropy = entropy_map(logits)
    assert entropy.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert (entropy >= 0).all() and (entropy.sum(1) <= 1 + 1e-6).all()
    torch.testing.assert_close(entropy.sum(1)[0, 1], torch.ones(1, dtype=entropy.dtype))
    assert entropy.sum(1)[0, 0] == 0
    entropy.sum().backward()
    assert torch.isfinite(logits.grad).all()


def test_segmentor_resizes_once_and_predicts_at_the_original_size():
    init_default_scope('mmseg')
    net = MODELS.build(
        dict(
            type='MultiOutputEncoderDecoder',
            backbone=dict(type='DeepLabV2ResNet', depth=10, stem_channels=4, base_channels=4),
            decode_head=dict(type='DeepLabV2Head', in_channels=32, in_index=1, num_classes=19),
            test_cfg=ConfigDict(mode='whole'),
        )
    ).eval()
    images = torch.randn(1, 3, 33, 65)
    with torch.no_grad():
        low = net(images, mode='tensor')
        direct = nn.functional.interpolate(low, (70, 140), mode='bilinear', align_corners=True)
        metas = [dict(ori_shape=(70, 140), img_shape=(33, 65))]
        torch.testing.assert_close(net.inference(images, metas), direct)
        assert net.predict(images)[0].pred_sem_seg.data.shape == (1, 33, 65)
        outputs = net(ImageBatch(images), mode='outputs')
    assert {level: z.shape for level, z in outputs.logits.items()} == {'decode': (1, 19, 33, 65)}


def echoing_segmentor(**test_cfg):
    """A segmentor whose logits of an image are its own channels (as many classes: 3)."""
    init_default_scope('mmseg')
    net = MODELS.build(
        dict(
            type='MultiOutputEncoderDecoder',
            backbone=dict(type='DeepLabV2ResNet', depth=10, stem_channels=4, base_channels=4),
            decode_head=dict(type='DeepLabV2Head', in_channels=32, in_index=1, num_classes=3),
            test_cfg=ConfigDict(test_cfg),
        )
    )
    net._forward = lambda inputs, data_samples=None: inputs
    return net.eval()


def predicted(net, logits, size):
    sample = SegDataSample(metainfo=dict(ori_shape=size, img_shape=logits.shape[2:]))
    return net.predict(logits, [sample])[0]


def test_upsampling_logits_or_probabilities():
    # Two pixels, one surer of class 0 than the other is of class 1: logits let it reach further.
    logits = torch.tensor([[10.0, 0.0, 0.0], [0.0, 4.0, 0.0]], dtype=torch.float64)
    logits = logits.t().reshape(1, 3, 1, 2)
    size, weights = (1, 9), torch.arange(9, dtype=torch.float64) / 8  # corners aligned
    left, right = logits[0, :, 0].unbind(-1)
    by_hand = {
        'logits': [((1 - w) * left + w * right) for w in weights],
        'probabilities': [((1 - w) * left.softmax(0) + w * right.softmax(0)) for w in weights],
    }
    classes = {}
    for upsample, columns in by_hand.items():
        result = predicted(echoing_segmentor(mode='whole', upsample=upsample), logits, size)
        torch.testing.assert_close(
            result.seg_logits.data, torch.stack(columns, -1)[:, None], rtol=0, atol=1e-12
        )
        classes[upsample] = result.pred_sem_seg.data.flatten().tolist()
        assert classes[upsample] == [int(column.argmax()) for column in columns]
        assert result.metainfo['upsampled'] == upsample
    assert classes['logits'] == [0, 0, 0, 0, 0, 0, 1, 1, 1]  # 10 (1 - w) = 4 w at w = 0.714
    assert classes['probabilities'] == [0, 0, 0, 0, 0, 1, 1, 1, 1]  # at w = 0.509

    default = predicted(echoing_segmentor(mode='whole'), logits, size)
    assert default.pred_sem_seg.data.flatten().tolist() == classes['logits']
    assert default.metainfo['upsampled'] == 'logits'


def test_unknown_upsampling():
    with pytest.raises(UserError, match="upsample='softmax' is unknown; choose from logits, prob"):
        echoing_segmentor(mode='whole', upsample='softmax')
    with pytest.raises(UserError, match="'probabilities' is for whole images"):
        echoing_segmentor(mode='slide', crop_size=(2, 2), stride=(1, 1), upsample='probabilities')


def pretrained_cfg(path):
    return dict(type='Pretrained', checkpoint=str(path))


def test_resnet_loads_caffe_weights_completely_or_not_at_all(tmp_path):
    small = dict(depth=50, stem_channels=4, base_channels=4)
    official = {
        f'Scale.{k}': torch.randn(v.shape) for k, v in DeepLabV2ResNet(**small).state_dict().items()
    }
    official['Scale.layer5.conv2d_list.0.weight'] = torch.randn(21, 8, 3, 3)
    path = tmp_path / 'resnet.pth'
    torch.save(official, path)
    net = DeepLabV2ResNet(**small, init_cfg=pretrained_cfg(path))
    net.init_weights()
    for key, value in net.state_dict().items():
        if 'num_batches' not in key:
            assert torch.equal(value, official[f'Scale.{key}'])

    del official['Scale.layer2.0.conv1.weight']
    torch.save(official, path)
    with pytest.raises(UserError, match='1 tensors are missing: layer2.0.conv1.weight'):
        net.init_weights()
    with pytest.raises(UserError, match='no file .*missing.pth.*AdaptSegNet'):
        DeepLabV2ResNet(**small, init_cfg=pretrained_cfg(tmp_path / 'missing.pth')).init_weights()


def test_vgg_loads_torchvision_layout(tmp_path):
    channels = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
    indices = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)  # torchvision's vgg16.features
    official, before = {}, 3
    for index, width in zip(indices, channels):
        width //= 8
        official[f'features.{index}.weight'] = torch.randn(width, before, 3, 3)
        official[f'features.{index}.bias'] = torch.randn(width)
        before = width
    official['classifier.0.weight'] = torch.randn(4, 4)
    path = tmp_path / 'vgg.pth'
    torch.save(official, path)
    net = DeepLabV2VGG(base_channels=8, init_cfg=pretrained_cfg(path))
    net.init_weights()
    ours = [i for i, m in enumerate(net.features) if isinstance(m, nn.Conv2d)][:13]
    for index, own in zip(indices, ours):
        assert torch.equal(net.features[own].weight, official[f'features.{index}.weight'])
        assert torch.equal(net.features[own].bias, official[f'features.{index}.bias'])


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


def small_fcn8s():
    """A narrow FCN-8s with random weights everywhere, in double precision."""
    torch.manual_seed(0)
    backbone = FCN8sVGG(base_channels=4)
    head = FCN8sHead(in_channels=(16, 32, 256), num_classes=5, loss_decode=[])
    for parameter in [*backbone.parameters(), *head.parameters()]:
        with torch.no_grad():
            parameter.copy_(torch.randn(parameter.shape) * 0.1)
    return backbone.double().eval(), head.double().eval()


@pytest.mark.parametrize('size', [(32, 64), (45, 61)])
def test_fcn8s_against_straight_line_code(size):
    backbone, head = small_fcn8s()
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    convs = iter(m for m in backbone.features if isinstance(m, nn.Conv2d))
    pools, z = [], x
    for block, length in enumerate((2, 2, 3, 3, 3)):
        for i in range(length):
            conv = next(convs)
            padding = 100 if block == i == 0 else 1
            z = F.relu(F.conv2d(z, conv.weight, conv.bias, padding=padding))
        z = F.max_pool2d(z, 2, ceil_mode=True)
        pools.append(z)
    for fc in (backbone.fc6, backbone.fc7):
        z = F.relu(F.conv2d(z, fc.weight, fc.bias))
    score = F.conv2d(z, head.score_fr.weight, head.score_fr.bias)
    up2 = F.conv_transpose2d(score, head.upscore2.weight, stride=2)
    s4 = F.conv2d(0.01 * pools[3], head.score_pool4.weight, head.score_pool4.bias)
    h, w = up2.shape[2:]
    up4 = F.conv_transpose2d(
        up2 + s4[:, :, 5 : 5 + h, 5 : 5 + w], head.upscore_pool4.weight, stride=2
    )
    s3 = F.conv2d(0.0001 * pools[2], head.score_pool3.weight, head.score_pool3.bias)
    h, w = up4.shape[2:]
    up8 = F.conv_transpose2d(up4 + s3[:, :, 9 : 9 + h, 9 : 9 + w], head.upscore8.weight, stride=8)
    expected = up8[:, :, 31 : 31 + size[0], 31 : 31 + size[1]]
    torch.testing.assert_close(head(backbone(x)), expected, rtol=1e-12, atol=1e-12)


def test_fcn8s_has_the_official_sizes_and_starting_values():
    backbone = FCN8sVGG()
    head = FCN8sHead(in_channels=(256, 512, 4096), num_classes=19, loss_decode=[])
    state = {**backbone.state_dict(), **head.state_dict()}
    assert len(state) == 39  # tensors of the official state dict
    assert state['fc6.weight'].shape == (4096, 512, 7, 7)
    assert not any(head.state_dict()[f'score_{name}.weight'].any() for name in ('fr', 'pool3'))
    assert not any(p.requires_grad for n, p in head.named_parameters() if n.startswith('up'))
    # Bilinear kernels keep a constant map constant and do not mix channels.
    constant = torch.arange(19.0)[None, :, None, None].expand(1, 19, 6, 7)
    for layer in (head.upscore2, head.upscore_pool4, head.upscore8):
        inner = layer(constant)[:, :, 16:-16, 16:-16] if layer is head.upscore8 else layer(constant)
        middle = inner[:, :, 4:-4, 4:-4]
        torch.testing.assert_close(middle, torch.arange(19.0)[:, None, None].expand_as(middle))


def test_fcn8s_loads_the_classifier_of_vgg(tmp_path):
    net = FCN8sVGG(base_channels=4)
    official = {k: torch.randn(v.shape) for k, v in net.features.state_dict().items()}
    official = {f'features.{k}': v for k, v in official.items()}
    official['classifier.0.weight'] = torch.randn(256, 32 * 7 * 7)
    official['classifier.3.weight'] = torch.randn(256, 256)
    official.update({f'classifier.{i}.bias': torch.randn(256) for i in (0, 3)})
    path = tmp_path / 'vgg.pth'
    torch.save(official, path)
    net.init_cfg = pretrained_cfg(path)
    net.init_weights()
    assert torch.equal(net.features[28].weight, official['features.28.weight'])
    x = torch.randn(1, 32, 7, 7)
    torch.testing.assert_close(
        net.fc6(x).flatten(),
        F.linear(x.flatten(), official['classifier.0.weight'], official['classifier.0.bias']),
        rtol=1e-4,
        atol=1e-4,
    )
    torch.save({k: v for k, v in official.items() if 'classifier' not in k}, path)
    with pytest.raises(UserError, match='4 tensors are missing: .*vgg16-00b39a1b.pth'):
        net.init_weights()

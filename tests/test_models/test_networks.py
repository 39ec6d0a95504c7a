"""Sizes, parameter counts and details that the official networks fix."""

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


def trainable(module):
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


@pytest.mark.parametrize(
    'network, options, number',
    [
        (DeepLabV2ResNet, dict(depth=101), 42_394_816),  # batch norm's are not trained
        (DeepLabV2VGG, dict(), 29_573_004 - 700_492),  # all less the head's
        (DeepLabV2Head, dict(in_channels=1024, num_classes=19), 700_492),
        (DeepLabV2Head, dict(in_channels=2048, num_classes=19, num_branches=2), 700_454),
        (DeepLabV2Head, dict(in_channels=2048, num_classes=19), 1_400_908),
    ],
)
def test_official_numbers_of_parameters(network, options, number):
    assert trainable(network(**options)) == number


@pytest.mark.parametrize(
    'size, expected', [((360, 640), (46, 81)), ((256, 512), (33, 65)), ((72, 232), (10, 30))]
)
def test_resnet_sizes_round_up(size, expected):
    net = DeepLabV2ResNet(depth=10, stem_channels=4, base_channels=4)
    net.eval()
    with torch.no_grad():
        layer3, layer4 = net(torch.zeros(1, 3, *size))
    assert layer3.shape == (1, 16, *expected) and layer4.shape == (1, 32, *expected)


def test_global_discriminator_is_the_official_one():
    head = GlobalDiscriminatorHead(num_classes=19, loss_weights=dict(decode=1e-3))
    network = head.discriminators['decode']
    assert trainable(network) == 2_781_121
    with torch.no_grad():
        assert network(torch.zeros(1, 19, 720, 1280)).shape == (1, 1, 22, 40)
        assert network(torch.zeros(1, 19, 512, 1024)).shape == (1, 1, 16, 32)
    slopes = {m.negative_slope for m in network if isinstance(m, nn.LeakyReLU)}
    assert slopes == {0.2} and isinstance(network[-1], nn.Conv2d)


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
    with pytest.raises(UserError, match='layer2.0.conv1.weight'):
        net.init_weights()
    with pytest.raises(UserError, match='missing.pth'):
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
    with pytest.raises(UserError, match='classifier'):
        net.init_weights()


@pytest.mark.parametrize('network', [DeepLabV2VGG, FCN8sVGG])
def test_vgg_takes_other_initialisations(network):
    zeros = dict(type='Constant', layer='Conv2d', val=0)
    net = network(base_channels=4, init_cfg=zeros)
    net.init_weights()
    assert not any(parameter.any() for parameter in net.parameters())

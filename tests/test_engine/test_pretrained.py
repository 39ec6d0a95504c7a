"""Networks of mmseg that start from a file: one that is missing or does not fit is a sentence."""

from pathlib import Path

import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.model import ModuleDict
from mmseg.models.backbones import MixVisionTransformer, ResNetV1c, SwinTransformer

from mmseg_gl.engine.pretrained import check_pretrained, warn_of_other_images
from mmseg_gl.errors import UserError
from mmseg_gl.models import DeepLabV2ResNet

CONFIG = Path(__file__).parents[2] / (
    'configs/source_only/source-only_deeplabv2-tiny_street-scenes.py'
)
FOUR_ONES = dict(num_heads=(1, 1, 1, 1))
NETWORKS = {  # mmengine loads the first, Swin's own method the second
    'mit': lambda **options: MixVisionTransformer(
        embed_dims=8, num_layers=(1, 1, 1, 1), **FOUR_ONES, **options
    ),
    'swin': lambda **options: SwinTransformer(
        embed_dims=8, depths=(1, 1, 1, 1), window_size=2, **FOUR_ONES, **options
    ),
}
NETWORK = pytest.mark.parametrize('network', NETWORKS.values(), ids=NETWORKS)


def initialised(backbone):
    """Return a backbone as it is after a run has initialised its model."""
    model = ModuleDict(dict(segmentor=ModuleDict(dict(backbone=backbone))))
    check_pretrained(model)
    model.init_weights()
    return backbone


@pytest.fixture
def logged(caplog):
    """What mmengine's logger gets, which passes nothing on to Python's others."""
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)


def start_from(path, **options):
    return dict(init_cfg=dict(type='Pretrained', checkpoint=str(path), **options))


@NETWORK
def test_weights_that_fit_are_loaded(network, tmp_path):
    torch.save(dict(state_dict=network().state_dict()), tmp_path / 'net.pth')
    net = initialised(network(**start_from(tmp_path / 'net.pth')))
    for key, value in torch.load(tmp_path / 'net.pth')['state_dict'].items():
        assert torch.equal(net.state_dict()[key], value), key
    assert 'init_weights' not in vars(net)  # nothing of the check is left


@NETWORK
def test_a_file_with_other_names_does_not_leave_the_network_random(network, tmp_path):
    weights = {f'encoder.{key}': value for key, value in network().state_dict().items()}
    torch.save(weights, tmp_path / 'net.pth')
    with pytest.raises(UserError) as info:
        initialised(network(**start_from(tmp_path / 'net.pth')))
    sentence = str(info.value)
    assert sentence.startswith('model.segmentor.backbone (') and f'{tmp_path}/net.pth' in sentence
    assert 'encoder.' in sentence and 'init_cfg=None' in sentence


def test_the_file_of_a_whole_segmentor_needs_a_prefix(tmp_path):
    network = NETWORKS['mit']
    weights = {f'backbone.{key}': value for key, value in network().state_dict().items()}
    torch.save(weights, tmp_path / 'net.pth')
    with pytest.raises(UserError, match='init_cfg.prefix'):
        initialised(network(**start_from(tmp_path / 'net.pth')))
    net = initialised(network(**start_from(tmp_path / 'net.pth', prefix='backbone.')))
    for key, value in net.state_dict().items():
        assert torch.equal(value, weights[f'backbone.{key}'])


def test_weights_of_another_size_and_missing_ones(tmp_path, logged):
    torch.save(NETWORKS['swin']().state_dict(), tmp_path / 'net.pth')
    wider = SwinTransformer(
        embed_dims=16, depths=(1, 1, 1, 1), **FOUR_ONES, **start_from(tmp_path / 'net.pth')
    )
    with pytest.raises(UserError, match='net.pth.*patch_embed.projection.weight'):
        initialised(wider)
    weights = NETWORKS['swin']().state_dict()
    del weights['stages.2.blocks.0.ffn.layers.1.weight']
    torch.save(weights, tmp_path / 'net.pth')
    initialised(NETWORKS['swin'](**start_from(tmp_path / 'net.pth')))
    assert 'stages.2.blocks.0.ffn.layers.1.weight' in logged.text


@pytest.mark.parametrize(
    'argument, source',
    [
        ('init_cfg', 'pretrained/none.pth'),
        ('pretrained', 'pretrained/none.pth'),
        ('init_cfg', 'http://127.0.0.1:9/none.pth'),  # nobody listens there
        ('init_cfg', 'torchvision://none'),
        ('init_cfg', 'open-mmlab://none'),
    ],
)
def test_weights_that_cannot_be_had(argument, source):
    options = start_from(source) if argument == 'init_cfg' else dict(pretrained=source)
    net = ResNetV1c(depth=18, stem_channels=8, base_channels=8, **options)
    with pytest.raises(UserError) as info:
        initialised(net)
    sentence = str(info.value)
    assert 'model.segmentor.backbone.init_cfg.checkpoint' in sentence and source in sentence
    assert '\n' not in sentence


def test_training_ends_in_a_sentence(run, data_options, street_scenes, tmp_path):
    config = tmp_path / 'config.py'
    config.write_text(
        f"_base_ = ['{CONFIG}']\n"
        'model = dict(segmentor=dict(\n'
        "    pretrained='pretrained/none.pth',\n"
        "    backbone=dict(_delete_=True, type='ResNetV1c', depth=18, strides=(1, 2, 1, 1),\n"
        '                  dilations=(1, 1, 2, 4)),\n'
        '    decode_head=dict(in_channels=512, in_index=3),\n'
        '    auxiliary_head=dict(in_channels=256, in_index=2)))\n'
    )
    options = [*data_options(street_scenes, target=False), 'train_cfg.max_iters=1']
    outcome = run('train', config, '--work-dir', tmp_path / 'work', '--cfg-options', *options)
    assert 'pretrained/none.pth' in outcome.error
    assert 'model.data_preprocessor' in outcome.out


CAFFE_MEAN = dict(mean=[104.00698793, 116.66876762, 122.67891434], std=[1.0, 1.0, 1.0])
IMAGENET_MEAN = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])


@pytest.mark.parametrize(
    'preprocessor, warned',
    [
        (CAFFE_MEAN, {'RGB'}),
        (dict(CAFFE_MEAN, bgr_to_rgb=True), {'RGB', 'Caffe'}),
        (dict(IMAGENET_MEAN), {'RGB', 'Caffe'}),
        (dict(IMAGENET_MEAN, bgr_to_rgb=True), {'Caffe'}),
        (None, {'RGB', 'Caffe'}),
    ],
)
def test_images_of_another_kind_than_the_weights(preprocessor, warned, logged):
    small = dict(stem_channels=8, base_channels=8)
    mit = NETWORKS['mit'](**start_from('mit_b0.pth'))
    caffe = [
        DeepLabV2ResNet(18, **small, **start_from('resnet101.pth')),
        ResNetV1c(depth=18, **small, **start_from('open-mmlab://detectron2/resnet101_caffe')),
    ]
    random = [DeepLabV2ResNet(18, **small), NETWORKS['mit']()]
    for nets, advice in (
        ([mit], 'bgr_to_rgb=True' * ('RGB' in warned)),
        (caffe, 'bgr_to_rgb=False' * ('Caffe' in warned)),
        (random, ''),
    ):
        for net in nets:
            logged.clear()
            model = ModuleDict(dict(segmentor=ModuleDict(dict(backbone=net))))
            warn_of_other_images(model, preprocessor)
            assert advice in logged.text and bool(advice) == bool(logged.text)

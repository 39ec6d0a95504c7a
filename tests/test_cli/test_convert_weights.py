"""tools/convert_weights.py: every official network, against its forward pass in straight lines.

The official tensors' names and shapes follow from the rules written here; how many there are was
counted in the official codes.
"""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS

from mmseg_gl.config.load import load_config
from mmseg_gl.errors import UserError
from mmseg_gl.experiments.official_networks import KINDS, PLACES, find_layouts
from mmseg_gl.models import DeepLabV2ResNet, FCN8sVGG, MixTransformer
from mmseg_gl.weights.files import read_checkpoint
from mmseg_gl.weights.layout import recognise
from tests.references.networks import (
    FCN,
    LENGTHS,
    NAMED,
    NUMBERED,
    TORCHVISION,
    halfway,
    part,
    run_classifier,
    run_deeplab_vgg,
    run_discriminator,
    run_fcn8s,
    run_generator,
    run_mit,
    run_patch_discriminator,
    run_resnet,
    run_segformer_head,
)
from tests.references.self_training import HRDA, DAFormer

CONFIGS = Path(__file__).parents[2] / 'configs'
D_WIDTHS = (19, 64, 128, 256, 512, 1)


# The official files


def conv(name, out_channels, in_channels, size, bias=True):
    std = (2 / (in_channels * size * size)) ** 0.5
    weight = torch.empty(out_channels, in_channels, size, size).uniform_(-2 * std, 2 * std)
    tensors = {f'{name}.weight': weight}
    if bias:
        tensors[f'{name}.bias'] = 0.1 * torch.randn(out_channels)
    return tensors


def statistics(name, channels):
    return {
        f'{name}.running_mean': 0.1 * torch.randn(channels),
        f'{name}.running_var': 0.5 + torch.rand(channels),
        f'{name}.num_batches_tracked': torch.tensor(250_000),
    }


def conv_bn(conv_name, bn_name, out_channels, in_channels, size):
    return {
        **conv(conv_name, out_channels, in_channels, size, bias=False),
        f'{bn_name}.weight': 0.5 + 0.1 * torch.randn(out_channels),
        f'{bn_name}.bias': 0.1 * torch.randn(out_channels),
        **statistics(bn_name, out_channels),
    }


def resnet101():
    tensors, channels = conv_bn('conv1', 'bn1', 64, 3, 7), 64
    for layer, length in enumerate(LENGTHS, 1):
        width = 32 * 2**layer
        for block in range(length):
            name = f'layer{layer}.{block}'
            tensors |= conv_bn(f'{name}.conv1', f'{name}.bn1', width, channels, 1)
            tensors |= conv_bn(f'{name}.conv2', f'{name}.bn2', width, width, 3)
            tensors |= conv_bn(f'{name}.conv3', f'{name}.bn3', 4 * width, width, 1)
            if block == 0:
                down = f'{name}.downsample'
                tensors |= conv_bn(f'{down}.0', f'{down}.1', 4 * width, channels, 1)
            channels = 4 * width
    return tensors


def classifier(name, channels):
    branches = (conv(f'{name}.conv2d_list.{i}', 19, channels, 3) for i in range(4))
    return {key: tensor for branch in branches for key, tensor in branch.items()}


def vgg_convs(names):
    tensors, channels = {}, 3
    for name, width in zip(names, (*2 * (64,), *2 * (128,), *3 * (256,), *6 * (512,))):
        tensors |= conv(name, width, channels, 3)
        channels = width
    return tensors


def deeplab_vgg():
    indices = [i - (i > 23) for block in TORCHVISION for i in block]  # pool4 is left out
    return {
        **vgg_convs(f'features.{i}' for i in indices),
        **conv('features.29', 1024, 512, 3),
        **conv('features.31', 1024, 1024, 3),
        **classifier('classifier', 1024),
    }


def fcn8s():
    fc6 = doubled(conv('fc6', 4096, 512, 1))
    fc6['fc6.weight'] = fc6['fc6.weight'].expand(4096, 512, 7, 7)  # stores 1 value of 49
    return {
        **vgg_convs(FCN),
        **fc6,
        **conv('fc7', 4096, 4096, 1),
        **conv('score_fr', 19, 4096, 1),
        **conv('score_pool3', 19, 256, 1),
        **conv('score_pool4', 19, 512, 1),
        **conv('upscore2', 19, 19, 4, bias=False),
        **conv('upscore8', 19, 19, 16, bias=False),
        **conv('upscore_pool4', 19, 19, 4, bias=False),
    }


def linear(name, out_channels, in_channels):
    weight = torch.randn(out_channels, in_channels) / in_channels**0.5
    return {f'{name}.weight': weight, f'{name}.bias': 0.1 * torch.randn(out_channels)}


def layer_norm(name, channels):
    return {
        f'{name}.weight': 0.5 + 0.1 * torch.randn(channels),
        f'{name}.bias': 0.1 * torch.randn(channels),
    }


MIT_B0 = (32, 64, 160, 256)


def mit():
    tensors, before = {}, 3
    for stage, (width, ratio) in enumerate(zip(MIT_B0, (8, 4, 2, 1)), 1):
        name = f'patch_embed{stage}'
        tensors |= conv(f'{name}.proj', width, before, 7 if stage == 1 else 3)
        tensors |= layer_norm(f'{name}.norm', width)
        for name in (f'block{stage}.0', f'block{stage}.1'):
            tensors |= layer_norm(f'{name}.norm1', width)
            tensors |= linear(f'{name}.attn.q', width, width)
            tensors |= linear(f'{name}.attn.kv', 2 * width, width)
            tensors |= linear(f'{name}.attn.proj', width, width)
            if ratio > 1:
                tensors |= conv(f'{name}.attn.sr', width, width, ratio)
                tensors |= layer_norm(f'{name}.attn.norm', width)
            tensors |= layer_norm(f'{name}.norm2', width)
            tensors |= linear(f'{name}.mlp.fc1', 4 * width, width)
            tensors |= conv(f'{name}.mlp.dwconv.dwconv', 4 * width, 1, 3)
            tensors |= linear(f'{name}.mlp.fc2', width, 4 * width)
        tensors |= layer_norm(f'norm{stage}', width)
        before = width
    return tensors


def daformer_head(attention=False):
    tensors = conv('conv_seg', 19, 256, 1)
    for i, width in enumerate(MIT_B0):
        tensors |= linear(f'embed_layers.{i}.proj', 256, width)
    if attention:
        return tensors | conv_bn('fuse_layer.conv', 'fuse_layer.bn', 256, 1024, 1)

    def layer(name, *shape):
        return conv_bn(f'fuse_layer.{name}.conv', f'fuse_layer.{name}.bn', *shape)

    tensors |= layer('aspp_modules.0', 256, 1024, 1)
    for i in (1, 2, 3):
        tensors |= layer(f'aspp_modules.{i}.depthwise_conv', 1024, 1, 3)
        tensors |= layer(f'aspp_modules.{i}.pointwise_conv', 256, 1024, 1)
    return tensors | layer('bottleneck', 256, 1024, 3)


def segformer_head():
    tensors = conv('conv_seg', 19, 128, 1)  # inherited and not used
    for i, width in enumerate(MIT_B0, 1):
        tensors |= linear(f'linear_c{i}.proj', 768, width)
    tensors |= conv_bn('linear_fuse.conv', 'linear_fuse.bn', 768, 3072, 1)
    return tensors | conv('linear_pred', 19, 768, 1)


def dlv2_head():
    return {
        **conv('aspp_modules.0.conv', 19, 2048, 3),
        **conv('aspp_modules.1.conv', 19, 2048, 3),
    }


def resnet101_v1c():
    tensors = {name: t for name, t in resnet101().items() if name.startswith('layer')}
    for i, shape in ((0, (32, 3, 3)), (3, (32, 32, 3)), (6, (64, 32, 3))):
        tensors |= conv_bn(f'stem.{i}', f'stem.{i + 1}', *shape)
    return tensors


def named(prefix, tensors):
    return {prefix + name: tensor for name, tensor in tensors.items()}


def hrda(head, attention):
    return {**named('head.', head), **named('scale_attention.', attention)}


def self_trained(backbone, head, copies=('model', 'ema_model', 'imnet_model')):
    """Return a checkpoint's tensors: each copy of the network has others."""
    tensors = {}
    for copy in copies:
        tensors |= named(f'{copy}.backbone.', backbone())
        tensors |= named(f'{copy}.decode_head.', head())
    return tensors


def discriminator(names, size):
    tensors = {}
    for name, before, after in zip(names, D_WIDTHS, D_WIDTHS[1:]):
        tensors |= conv(name, after, before, size)
    return tensors


def generator():
    tensors = {**conv('model.1', 64, 3, 7), **statistics('model.2', 64)}
    for index, channels in ((4, 128), (7, 256)):
        tensors |= conv(f'model.{index}', channels, channels // 2, 3)
        tensors |= statistics(f'model.{index + 1}', channels)
    for index in range(10, 19):
        for i in (1, 5):
            tensors |= conv(f'model.{index}.conv_block.{i}', 256, 256, 3)
            tensors |= statistics(f'model.{index}.conv_block.{i + 1}', 256)
    for index, channels in ((19, 128), (22, 64)):
        transposed = conv(f'model.{index}', 2 * channels, channels, 3)
        transposed[f'model.{index}.bias'] = torch.randn(channels)
        tensors |= transposed | statistics(f'model.{index + 1}', channels)
    return tensors | conv('model.26', 3, 64, 7)


def patch_discriminator():
    tensors = conv('model.0', 64, 3, 4)
    for index, channels in ((2, 128), (5, 256), (8, 512)):
        tensors |= conv(f'model.{index}', channels, channels // 2, 4)
        tensors |= statistics(f'model.{index + 1}', channels)
    return tensors | conv('model.11', 1, 512, 4)


# What the tests share


def doubled(weights):
    return {k: v.double() if v.is_floating_point() else v for k, v in weights.items()}


def convert(kind, official, place=None):
    """Convert there and back, which must change nothing; return the layout and the own weights."""
    layouts = find_layouts(kind, place)
    layout = recognise(layouts, official, own=False)
    own, left, filled = layout.to_own(official)
    candidates = [other for other in layouts if other.network == layout.network]
    assert recognise(candidates, own, own=True).rows == layout.rows
    assert all(name.endswith('.seed') for name in filled)  # which only this library has
    back, defaults = layout.to_official(own, left, list(official))
    assert list(back) == list(official) and not defaults
    assert all(torch.equal(back[name], tensor) for name, tensor in official.items())
    assert all(back[name].dtype == tensor.dtype for name, tensor in official.items())
    return layout, own


def build(config, weights, part='segmentor', options=None):
    """Build a part of a shipped config's model with converted weights, all of them its own."""
    cfg = load_config(CONFIGS / config, options).model
    with torch.device('meta'):
        module = MODELS.build(cfg if part is None else cfg[part])
    prefix = '' if part is None else f'{part.split("_")[0]}.'
    weights = {key.removeprefix(prefix): value for key, value in doubled(weights).items()}
    module.load_state_dict(weights, assign=True)
    return module.eval()


def assert_close(got, wanted):
    assert got.shape == wanted.shape and got.dtype == torch.float64
    assert (got - wanted).norm() <= 1e-11 * wanted.norm()


@pytest.fixture(autouse=True)
def repeatable():
    torch.manual_seed(0)


@pytest.fixture(scope='module')
def trunk():
    """A ResNet-101, an image and its maps; wide enough for the largest dilation to matter."""
    torch.manual_seed(0)
    weights = resnet101()
    image = torch.randn(1, 3, 17, 201, dtype=torch.float64)
    with torch.no_grad():
        layer3, layer4 = run_resnet(doubled(weights), image)
    assert layer4.shape == (1, 2048, 3, 26)
    return SimpleNamespace(weights=weights, image=image, layer3=layer3, layer4=layer4)


# Segmentation networks

DLV2 = 'daformer/daformer_deeplabv2-r101v1c_gta5-to-cityscapes.py'
SINGLE = '{}_deeplabv2-r101_gta5-to-cityscapes_single-level.py'
R101 = [
    # kind, layer5's and layer6's channels, branches that are summed, prefix, config
    ('adaptsegnet', (1024, 2048), 2, '', 'adaptsegnet/adaptsegnet_deeplabv2-r101_{}.py'),
    ('adaptsegnet', (2048, 0), 2, '', 'adaptsegnet/adaptsegnet_deeplabv2-r101_{}_single-level.py'),
    ('advent', (1024, 2048), 4, '', 'advent/advent_deeplabv2-r101_{}.py'),
    ('advent', (0, 2048), 4, '', 'bdl/bdl_deeplabv2-r101_{}_m0.py'),
    ('bdl', (2048, 0), 4, '', 'bdl/bdl_deeplabv2-r101_{}_m0.py'),
    ('bdl-semantic', (2048, 0), 2, '', 'bdl/cyclegan_perceptual_deeplabv2-r101_{}.py'),
    ('global-local', (1024, 2048), 4, 'module.', 'advent/advent-gl_deeplabv2-r101_{}.py'),
]


@pytest.mark.parametrize('kind, channels, branches, prefix, config', R101)
@torch.no_grad()
def test_deeplab_on_resnet(trunk, kind, channels, branches, prefix, config):
    heads = {f'layer{i}': width for i, width in zip((5, 6), channels) if width}
    official = dict(trunk.weights)
    for name, width in heads.items():
        official |= classifier(name, width)
    assert len(official) == 624 + 8 * len(heads)
    layout, own = convert(kind, {prefix + name: value for name, value in official.items()})
    names = ('auxiliary_head', 'decode_head')[-len(heads) :]
    options = {f'model.segmentor.{name}.num_branches': 2 for name in names}
    assert layout.options == (options if branches == 2 else {})

    net = build(config.format('gta5-to-cityscapes'), own, options=layout.options)
    maps = net.extract_feat(trunk.image)
    for head, (name, width) in zip(names, heads.items()):
        features = {1024: trunk.layer3, 2048: trunk.layer4}[width]
        weights = doubled({key: value for key, value in official.items() if name in key})
        wanted = run_classifier(weights, name, features, branches)
        assert_close(getattr(net, head)(maps), wanted)


@torch.no_grad()
def test_deeplab_on_vgg():
    official = deeplab_vgg()
    assert len(official) == 38
    layout, own = convert('adaptsegnet', official)
    config = 'adaptsegnet/adaptsegnet_deeplabv2-vgg16_gta5-to-cityscapes.py'
    net = build(config, own, options=layout.options)
    image = torch.randn(1, 3, 17, 208, dtype=torch.float64)
    assert_close(net(image), run_deeplab_vgg(doubled(official), image))


@torch.no_grad()
def test_fcn8s():
    official = doubled(fcn8s())
    assert len(official) == 39
    layout, own = convert('bdl', official)
    assert not layout.options
    net = build('bdl/bdl_fcn8s-vgg16_gta5-to-cityscapes_m0.py', own)
    image = torch.randn(1, 3, 2, 3, dtype=torch.float64)
    assert_close(net(image), run_fcn8s(official, image))


# DAFormer, HRDA and MIC


def predict_segformer(w, image):
    maps = run_mit(part(w, 'backbone.'), image)
    return halfway(run_segformer_head(part(w, 'decode_head.'), maps), image.shape[2:])


@pytest.mark.parametrize(
    'kind, head, predict, config',
    [
        (
            'daformer',
            daformer_head,
            lambda w, image: DAFormer().predict(w, image, training=False),
            'daformer/daformer_daformer-mitb5',
        ),
        (
            'mic',
            lambda: hrda(daformer_head(), daformer_head(attention=True)),
            lambda w, image: HRDA(crop=64, step=32).predict(w, image, training=False),
            'mic/mic_hrda-mitb5',
        ),
        ('daformer', segformer_head, predict_segformer, 'daformer/daformer_daformer-mitb5'),
    ],
    ids=['DAFormer', 'HRDA', 'SegFormer'],
)
@torch.no_grad()
def test_self_training_on_mit(kind, head, predict, config):
    prefixes = {'segmentor.': 'model.', 'teacher.module.': 'ema_model.'}
    if kind == 'mic':
        prefixes['masked.teacher.module.'] = 'mic.teacher.ema_model.'
    copies = [prefix.removesuffix('.') for prefix in prefixes.values()]
    official = self_trained(mit, head, [*copies, 'imnet_model'])
    layout, own = convert(kind, named('module.', official))
    path = f'{config}_gta5-to-cityscapes.py'
    options = dict(layout.options)
    if kind == 'mic':
        options['model.segmentor.detail_crop'] = (64, 64)
        options['model.segmentor.detail_stride'] = (32, 32)
        options['model.views.masked.teacher'] = dict(type='EMATeacher')
    with torch.device('meta'):
        model = MODELS.build(load_config(CONFIGS / path, options).model)
    assert own.keys() <= model.state_dict().keys()
    image = torch.randn(1, 3, 96, 128, dtype=torch.float64)
    for prefix, official_prefix in prefixes.items():
        net = build(path, named('segmentor.', part(own, prefix)), options=options)
        wanted = predict(doubled(part(official, official_prefix)), image)
        assert_close(halfway(net(image), image.shape[2:]), wanted)
    backbone = doubled(part(own, 'feature_distance.backbone.'))
    net.backbone.load_state_dict(backbone, assign=True)
    wanted = run_mit(doubled(part(official, 'imnet_model.backbone.')), image)[-1]
    assert_close(net.backbone(image)[-1], wanted)


@pytest.mark.parametrize('in_hrda', [False, True])
@torch.no_grad()
def test_self_training_on_resnet(in_hrda):
    official = self_trained(
        resnet101_v1c, lambda: hrda(dlv2_head(), dlv2_head()) if in_hrda else dlv2_head(), ['model']
    )
    official |= named('adversary.main.', discriminator(NAMED, 4))  # left out
    _, own = convert('hrda' if in_hrda else 'daformer', official)
    assert {name.split('.')[0] for name in own} == {'segmentor'}
    backbone = part(own, 'segmentor.backbone.')
    for name, tensor in part(official, 'model.backbone.').items():
        assert torch.equal(backbone[name], tensor)
    with torch.device('meta'):
        head = MODELS.build(load_config(CONFIGS / DLV2).model.segmentor.decode_head)
    places = {'segmentor.decode_head.': 'head.' if in_hrda else ''}
    if in_hrda:
        places['segmentor.scale_attention_head.'] = 'scale_attention.'
    maps = torch.randn(1, 2048, 5, 9, dtype=torch.float64)
    for prefix, name in places.items():
        head.load_state_dict(doubled(part(own, prefix)), assign=True)
        w = doubled(part(official, f'model.decode_head.{name}'))
        wanted = sum(
            F.conv2d(maps, *part(w, f'aspp_modules.{i}.conv.').values(), padding=d, dilation=d)
            for i, d in enumerate((6, 12))
        )
        assert_close(head([None, None, None, maps]), wanted)


def test_a_trained_checkpoint_becomes_official():
    """What the official code does not use has default values, other parts are left out."""
    official = self_trained(mit, daformer_head)
    layout, own = convert('daformer', official)
    own |= {'teacher.steps': torch.tensor(3), 'mixed.seed': torch.tensor(5)}
    back, defaults = recognise(find_layouts('daformer'), own, own=True).to_official(own)
    assert back.keys() == official.keys()
    assert all(name.startswith('imnet_model.decode_head.') for name in defaults)
    used = official.keys() - defaults
    assert used and all(torch.equal(back[name], official[name]) for name in used)
    alone = part(own, 'segmentor.')
    back, _ = recognise(find_layouts('daformer'), alone, own=True).to_official(alone)
    assert back.keys() == {name for name in official if name.startswith('model.')}


# Backbones on ImageNet


def test_resnet_on_imagenet(trunk, tmp_path):
    official = {**trunk.weights, 'layer5.conv2d_list.0.weight': torch.randn(21, 2048, 3, 3)}
    official['fc.weight'] = torch.randn(1000, 2048)
    official = {f'Scale.{name}': tensor for name, tensor in official.items()}
    _, own = convert('resnet101-caffe', official)
    assert set(own) == set(trunk.weights) == set(DeepLabV2ResNet(depth=101).state_dict())
    assert all(torch.equal(own[name], tensor) for name, tensor in trunk.weights.items())


def test_vgg_on_imagenet():
    official = vgg_convs(f'features.{i}' for block in TORCHVISION for i in block)
    for name, (rows, columns) in (('0', (4096, 25_088)), ('3', (4096, 4096)), ('6', (1000, 4096))):
        official[f'classifier.{name}.weight'] = torch.rand(columns).expand(rows, columns)
        official[f'classifier.{name}.bias'] = torch.randn(rows)
    _, own = convert('vgg16-caffe', official)
    with torch.device('meta'):
        expected = FCN8sVGG().state_dict()
    assert {name: t.shape for name, t in own.items()} == {n: t.shape for n, t in expected.items()}


@torch.no_grad()
def test_mit_on_imagenet(tmp_path):
    """Read without conversion: NVIDIA's layout and mmseg's; another or no file is refused."""
    official = mit()
    path = tmp_path / 'mit_b0.pth'
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'mit_{arch}.pth'))
    net = MixTransformer('b0', init_cfg=init_cfg).eval()
    with pytest.raises(UserError, match=str(path)):
        net.init_weights()
    torch.save({**official, 'head.weight': torch.zeros(1000, 256)}, path)
    net.init_weights()
    image = torch.randn(1, 3, 64, 96)
    for got, wanted in zip(net(image), run_mit(official, image), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-3, atol=1e-4)

    torch.save(dict(state_dict=net.state_dict()), path)
    other = MixTransformer('b0', init_cfg=init_cfg)
    other.init_weights()
    for name, tensor in net.state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor)
    path.rename(tmp_path / 'mit_b1.pth')
    with pytest.raises(UserError, match='weights of MixTransformer'):
        MixTransformer('b1', init_cfg=init_cfg).init_weights()


# Discriminators and image translation


@pytest.mark.parametrize('level', ['decode', 'auxiliary'])
@pytest.mark.parametrize(
    'names, size, head', [(NAMED, 4, 'global'), (NUMBERED, 4, 'global'), (NUMBERED, 1, 'local')]
)
@torch.no_grad()
def test_discriminators(names, size, head, level):
    official = discriminator(names, size)
    _, own = convert('discriminator', official, level)
    prefix = f'{head}_head.discriminators.{level}.'
    assert set(own) == {f'{prefix}{i}.{leaf}' for i in NUMBERED for leaf in ('weight', 'bias')}
    cfg = load_config(CONFIGS / 'advent/advent-gl_deeplabv2-r101_gta5-to-cityscapes.py').model
    net = MODELS.build(cfg.heads[f'{head}_head']).double()
    missing, unexpected = net.load_state_dict(
        {key.removeprefix(f'{head}_head.'): value for key, value in own.items()}, strict=False
    )
    assert not unexpected and not any(f'.{level}.' in key for key in missing)
    (layout, *_) = find_layouts('discriminator', level, head='mine')
    assert layout.prefix == f'mine.discriminators.{level}.'
    maps = torch.randn(2, 19, 64, 64, dtype=torch.float64)
    assert_close(net.discriminators[level](maps), run_discriminator(doubled(official), maps, names))


@pytest.mark.parametrize(
    'kind, place, count, run_official',
    [
        ('generator', 'source_to_target', 117, run_generator),
        ('generator', 'target_to_source', 117, run_generator),
        ('discriminator', 'source', 19, run_patch_discriminator),
        ('discriminator', 'target', 19, run_patch_discriminator),
    ],
)
@torch.no_grad()
def test_cyclegan(kind, place, count, run_official):
    official = generator() if kind == 'generator' else patch_discriminator()
    assert len(official) == count
    _, own = convert(f'cyclegan-{kind}', official, place)
    own = {key.removeprefix(f'{kind}s.{place}.'): value for key, value in own.items()}
    cfg = load_config(CONFIGS / 'bdl/cyclegan_gta5-to-cityscapes.py').model
    net = MODELS.build(cfg[kind])
    net.load_state_dict(own)
    image = torch.rand(1, 3, 32, 36, dtype=torch.float64)
    assert_close(net.double()(image), run_official(doubled(official), image))
    # Newer versions keep no statistics.
    plain = {k: v for k, v in official.items() if 'running' not in k and 'num_batches' not in k}
    convert(f'cyclegan-{kind}', plain, place)


def test_every_kind_is_tested():
    others = {'resnet101-caffe', 'vgg16-caffe', 'daformer', 'hrda', 'mic'}
    assert {kind for kind, *_ in R101} | set(PLACES) | others == set(KINDS)


# The tool


@pytest.fixture
def tool(run, tmp_path):
    """Run the tool on tensors, or on a file; it writes to tmp_path/dst.pth."""

    def tool(kind, src, *options):
        if isinstance(src, dict):
            torch.save(src, tmp_path / 'src.pth')
            src = tmp_path / 'src.pth'
        return run('convert_weights', kind, src, tmp_path / 'dst.pth', *options)

    return tool


def load(path):
    return torch.load(path, weights_only=True)


@pytest.mark.slow
def test_a_converted_network_is_tested_and_trained(
    run, tool, street_scenes, data_options, tmp_path
):
    official = deeplab_vgg()
    outcome = tool('adaptsegnet', official)
    assert outcome.code == 0, outcome.err
    option = 'model.segmentor.decode_head.num_branches=2'
    assert f'--cfg-options {option}\n' in outcome.out
    converted, checkpoint = tmp_path / 'dst.pth', load(tmp_path / 'dst.pth')
    assert checkpoint['meta']['cfg_options'] == option

    config = CONFIGS / 'adaptsegnet/adaptsegnet_deeplabv2-vgg16_gta5-to-cityscapes.py'
    steps = ('source.pipeline.2', 'target.pipeline.1')
    small = [f'train_dataloader.dataset.{step}.scale=(64,32)' for step in steps]
    common = [
        *('--work-dir', tmp_path / 'work', '--cfg-options', *data_options(street_scenes)),
        *(option, *small, 'val_dataloader.dataset.pipeline.1.scale=(64,32)'),
        *('val_dataloader.num_workers=0', 'val_dataloader.persistent_workers=False'),
        *('train_dataloader.num_workers=0', 'train_dataloader.persistent_workers=False'),
        *('train_cfg.max_iters=1', 'default_hooks.checkpoint.interval=1'),
        'default_hooks.checkpoint.save_best=None',
    ]
    outcome = run('test', config, converted, *common)
    assert outcome.code == 0, outcome.err

    starting = (f'load_from={converted}', 'model.segmentor.backbone.init_cfg=None')
    outcome = run('train', config, *common, *starting)
    assert outcome.code == 0, outcome.err
    trained = tmp_path / 'work/iter_1.pth'
    weights = read_checkpoint(trained)['state_dict']
    key = 'segmentor.backbone.features.29.weight'
    before, after = checkpoint['state_dict'][key], weights[key]
    assert 0 < (after - before).norm() < 0.05 * before.norm()

    converted.unlink()
    outcome = tool('adaptsegnet', trained, '--reverse')
    assert outcome.code == 0, outcome.err
    back = load(converted)
    assert {name: t.shape for name, t in back.items()} == {n: t.shape for n, t in official.items()}
    assert torch.equal(back['features.29.weight'], after)
    assert not back['classifier.conv2d_list.3.weight'].any()


@pytest.mark.slow
def test_an_official_teacher_is_tested(run, tool, street_scenes, data_options, tmp_path):
    official = named('module.', self_trained(mit, daformer_head))
    contents = dict(meta=dict(iter=40_000), state_dict=official, optimizer=dict(state={}))
    torch.save(contents, tmp_path / 'official.pth')
    outcome = tool('daformer', tmp_path / 'official.pth')
    assert outcome.code == 0, outcome.err
    arch = 'model.segmentor.backbone.arch=b0'
    assert f'--cfg-options {arch}\n' in outcome.out
    converted = (tmp_path / 'dst.pth').rename(tmp_path / 'converted.pth')
    config = CONFIGS / 'daformer/daformer_daformer-mitb5_gta5-to-cityscapes.py'
    options = [*data_options(street_scenes), arch, 'test_dataloader.num_workers=0']
    options += ['test_dataloader.persistent_workers=False']
    options += ['test_dataloader.dataset.pipeline.1.scale=(64,32)']
    common = ('--work-dir', tmp_path / 'work', '--cfg-options', *options)
    for network in ('segmentor', 'teacher'):
        outcome = run('test', config, converted, '--weights', network, *common)
        assert outcome.code == 0, outcome.err
    outcome = tool('daformer', converted, '--reverse')
    assert outcome.code == 0, outcome.err
    back = load(tmp_path / 'dst.pth')
    assert list(back) == list(official)
    assert all(torch.equal(back[name], tensor) for name, tensor in official.items())


@pytest.mark.parametrize(
    'kind, option, official',
    [
        ('discriminator', '--level=auxiliary', lambda: discriminator(NUMBERED, 1)),
        ('cyclegan-generator', '--direction=target_to_source', generator),
    ],
)
def test_there_and_back(run, tool, tmp_path, kind, option, official):
    official = official()
    outcome = tool(kind, official, option)
    assert outcome.code == 0, outcome.err
    assert f' of {len(official)} tensors' in outcome.out
    converted = (tmp_path / 'dst.pth').rename(tmp_path / 'converted.pth')
    outcome = tool(kind, converted, option, '--reverse')
    assert outcome.code == 0, outcome.err
    back = load(tmp_path / 'dst.pth')
    assert list(back) == list(official)
    assert all(torch.equal(back[name], tensor) for name, tensor in official.items())
    assert sorted(p.name for p in tmp_path.glob('*.p*')) == ['converted.pth', 'dst.pth', 'src.pth']


def test_default_statistics(tool, tmp_path):
    _, own = convert('cyclegan-discriminator', patch_discriminator(), 'source')
    outcome = tool('cyclegan-discriminator', dict(state_dict=own), '--domain=source', '--reverse')
    assert outcome.code == 0, outcome.err
    back = load(tmp_path / 'dst.pth')
    assert len(back) == 19 and not back['model.6.running_mean'].any()
    assert (back['model.6.running_var'] == 1).all() and back['model.6.num_batches_tracked'] == 0


def test_a_discriminator_trained_here(tool, tmp_path):
    """A checkpoint of global and local alignment holds both heads; three official networks fit."""
    own = {'segmentor.w': torch.zeros(1), 'local_head.sampling_seed': torch.tensor(1)}
    _, head = convert('discriminator', discriminator(NAMED, 4), 'decode')
    own |= head | convert('discriminator', discriminator(NUMBERED, 1), 'decode')[1]
    error = tool('discriminator', own, '--level=decode', '--reverse').error
    assert 'FCDiscriminator, get_fc_discriminator, get_fc_pix_discriminator_1x1' in error
    options = ('--level=decode', '--reverse', '--network=get_fc_pix_discriminator_1x1')
    assert tool('discriminator', own, *options).code == 0
    assert load(tmp_path / 'dst.pth')['0.weight'].shape == (64, 19, 1, 1)


def test_old_files_lack_the_counters(trunk):
    official = {n: t for n, t in trunk.weights.items() if 'num_batches' not in n}
    official |= classifier('layer5', 2048)
    (layout,) = find_layouts('bdl-semantic')
    own, left, filled = layout.to_own(official)
    assert len(filled) == 104 and len(left) == 4 and len(own) == 628
    assert own['segmentor.backbone.bn1.num_batches_tracked'].dtype == torch.long
    assert set(layout.to_official(own, left, list(official))[0]) == set(official)
    assert len(layout.to_official(own, left)[0]) == 632


# Refusals


OFFICIAL = discriminator(NAMED, 4)
STUDENT = self_trained(mit, daformer_head, ['model'])
OWN_TEACHER = 'mic.teacher.ema_model.backbone.norm1.weight'


@pytest.mark.parametrize(
    'kind, weights, fault',
    [
        ('discriminator', {k: v for k, v in OFFICIAL.items() if k != 'conv3.bias'}, 'conv3.bias'),
        ('discriminator', {**OFFICIAL, 'fc0': torch.zeros(1)}, 'fc0'),
        (
            'discriminator',
            {**OFFICIAL, 'conv1.weight': torch.zeros(64, 16, 4, 4)},
            '(64, 16, 4, 4)',
        ),
        ('discriminator', convert('discriminator', OFFICIAL, 'decode')[1], 'FCDiscriminator'),
        ('mic', {**STUDENT, 'mic.other.weight': torch.zeros(1)}, 'unknown: mic.other.weight'),
        ('mic', {**STUDENT, OWN_TEACHER: torch.zeros(32)}, 'missing: mic.teacher.ema_model.'),
    ],
    ids=['missing', 'unknown', 'misshapen', 'ours', 'unknown in MIC', 'half a teacher'],
)
def test_files_of_another_kind(tool, tmp_path, kind, weights, fault):
    error = tool(kind, weights, *['--level=decode'] * (kind in PLACES)).error
    assert f'{tmp_path}/src.pth' in error and fault in error
    assert not (tmp_path / 'dst.pth').exists()


@pytest.mark.parametrize(
    'kind, options, named',
    [
        ('fcn', [], 'resnet101-caffe'),
        ('discriminator', ['--level=main'], 'decode'),
        ('bdl', ['--level=decode'], '--level'),
        ('bdl', ['--network=Deeplab'], '--reverse'),
        ('bdl', ['--reverse', '--network=DeeplabMulti'], 'VGG16_FCN8s'),
        ('bdl', ['--reverse'], '--reverse'),
    ],
)
def test_bad_arguments(tool, tmp_path, kind, options, named):
    assert named in tool(kind, OFFICIAL, *options).error
    assert not (tmp_path / 'dst.pth').exists()


def test_a_full_disk(tool, monkeypatch, tmp_path):
    """Nothing is left behind."""

    def save(contents, file):
        file.write(b'half')
        raise OSError(28, 'No space left on device')

    torch.save(discriminator(NAMED, 4), tmp_path / 'official.pth')
    monkeypatch.setattr(torch, 'save', save)
    error = tool('discriminator', tmp_path / 'official.pth', '--level=decode').error
    assert f'{tmp_path}/dst.pth' in error and 'No space left' in error
    assert [path.name for path in tmp_path.iterdir()] == ['official.pth']

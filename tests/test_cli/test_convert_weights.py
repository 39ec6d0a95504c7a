"""tools/convert_weights.py: every official network, against its forward pass in straight lines.

The official tensors' names and shapes follow from the rules written here; how many there are was
counted in the official codes.
"""

import pickle
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS

from mmseg_gl.config.load import load_config
from mmseg_gl.experiments.official_networks import KINDS, PLACES, find_layouts
from mmseg_gl.models import DeepLabV2ResNet, DeepLabV2VGG, FCN8sVGG
from mmseg_gl.weights.files import read_checkpoint
from mmseg_gl.weights.layout import recognise
from tests.references.networks import (
    FCN,
    LENGTHS,
    NAMED,
    NUMBERED,
    TORCHVISION,
    run_classifier,
    run_deeplab_vgg,
    run_discriminator,
    run_fcn8s,
    run_generator,
    run_patch_discriminator,
    run_resnet,
)

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
    assert recognise(candidates, own, own=True) is layout and not filled
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


# Backbones on ImageNet


def test_resnet_on_imagenet(trunk, tmp_path):
    official = {**trunk.weights, 'layer5.conv2d_list.0.weight': torch.randn(21, 2048, 3, 3)}
    official['fc.weight'] = torch.randn(1000, 2048)
    official = {f'Scale.{name}': tensor for name, tensor in official.items()}
    _, own = convert('resnet101-caffe', official)
    assert set(own) == set(trunk.weights) == set(DeepLabV2ResNet(depth=101).state_dict())
    assert all(torch.equal(own[name], tensor) for name, tensor in trunk.weights.items())


def test_vgg_on_imagenet(monkeypatch, tmp_path):
    official = vgg_convs(f'features.{i}' for block in TORCHVISION for i in block)
    for name, (rows, columns) in (('0', (4096, 25_088)), ('3', (4096, 4096)), ('6', (1000, 4096))):
        official[f'classifier.{name}.weight'] = torch.rand(columns).expand(rows, columns)
        official[f'classifier.{name}.bias'] = torch.randn(rows)
    _, own = convert('vgg16-caffe', official)
    with torch.device('meta'):
        net = FCN8sVGG()
    net.load_state_dict(own, assign=True)
    pool5 = torch.randn(1, 512, 7, 7)
    weight, bias = (official[f'classifier.0.{leaf}'] for leaf in ('weight', 'bias'))
    wanted = F.linear(pool5.flatten(), weight, bias)
    torch.testing.assert_close(net.fc6(pool5).flatten(), wanted, rtol=1e-4, atol=1e-2)

    path = tmp_path / 'vgg.pth'
    path.touch()
    monkeypatch.setattr(torch, 'load', lambda *args, **kwargs: dict(state_dict=own))
    with torch.device('meta'):
        net = DeepLabV2VGG(init_cfg=dict(type='Pretrained', checkpoint=str(path)))
    net.to_empty(device='cpu')
    net.init_weights()
    assert torch.equal(net.features[27].weight, official['features.28.weight'])


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
    assert {kind for kind, *_ in R101} | set(PLACES) | {'resnet101-caffe', 'vgg16-caffe'} == set(
        KINDS
    )


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


def test_a_converted_network_is_tested_and_trained(
    run, tool, street_scenes, data_options, tmp_path
):
    official = deeplab_vgg()
    outcome = tool('adaptsegnet', official)
    assert outcome.code == 0, outcome.err
    option = 'model.segmentor.decode_head.num_branches=2'
    assert 'DeeplabVGG: mapped 34 of 38 tensors' in outcome.out
    assert 'left out, but kept' in outcome.out and 'classifier.conv2d_list.2.weight' in outcome.out
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
    assert 'metrics.json' in outcome.out
    wrong = [argument.replace('num_branches=2', 'num_branches=4') for argument in map(str, common)]
    assert '4 tensors are missing' in run('test', config, converted, *wrong).error

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
    assert 'default values, as the file lacks them: 4 (classifier.conv2d_list.2' in outcome.out
    back = load(converted)
    assert {name: t.shape for name, t in back.items()} == {n: t.shape for n, t in official.items()}
    assert torch.equal(back['features.29.weight'], after)
    assert not back['classifier.conv2d_list.3.weight'].any()


@pytest.mark.parametrize(
    'kind, option, official',
    [
        ('discriminator', '--level=decode', lambda: discriminator(NAMED, 4)),
        ('discriminator', '--level=auxiliary', lambda: discriminator(NUMBERED, 1)),
        ('cyclegan-generator', '--direction=target_to_source', generator),
        ('cyclegan-discriminator', '--domain=target', patch_discriminator),
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
    assert 'default values, as the file lacks them: 9 (model.3.running_mean' in outcome.out
    back = load(tmp_path / 'dst.pth')
    assert len(back) == 19 and not back['model.6.running_mean'].any()
    assert (back['model.6.running_var'] == 1).all() and back['model.6.num_batches_tracked'] == 0


def test_a_discriminator_trained_here(tool, tmp_path):
    """A checkpoint of global and local alignment holds both heads; three official networks fit."""
    own = {'segmentor.w': torch.zeros(1), 'local_head.sampling_seed': torch.tensor(1)}
    _, head = convert('discriminator', discriminator(NAMED, 4), 'decode')
    own |= head | convert('discriminator', discriminator(NUMBERED, 1), 'decode')[1]
    error = tool('discriminator', own, '--level=decode', '--reverse').error
    assert 'FCDiscriminator, get_fc_discriminator, get_fc_pix_discriminator_1x1; choose' in error
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


def test_files_of_another_kind(tool, tmp_path):
    level = '--level=decode'
    official = discriminator(NAMED, 4)

    def without(name):
        return {key: value for key, value in official.items() if key != name}

    error = tool('discriminator', without('conv3.bias'), level).error
    assert f'{tmp_path}/src.pth: these are not the weights of FCDiscriminator' in error
    assert '1 tensors are missing: conv3.bias; choose the KIND' in error
    extra = {**official, **{f'fc{i}': torch.zeros(1) for i in range(7)}}
    error = tool('discriminator', extra, level).error
    assert '7 tensors are unknown: fc0, fc1, fc2, fc3, fc4, ...;' in error
    narrow = {**official, 'conv1.weight': torch.zeros(64, 16, 4, 4)}
    error = tool('discriminator', narrow, level).error
    assert 'conv1.weight (64, 16, 4, 4) instead of (64, 19, 4, 4)' in error
    assert 'not the weights of' in tool('bdl', official).error
    assert 'not the weights of' in tool('cyclegan-discriminator', official, '--domain=source').error
    assert '--reverse only for files of this library' in tool('advent', official, '--reverse').error
    converted = convert('discriminator', official, 'decode')[1]
    assert 'not the weights of' in tool('discriminator', converted, level).error
    assert not (tmp_path / 'dst.pth').exists()


def test_files_that_are_no_checkpoint(tool, tmp_path):
    level = '--level=decode'
    assert 'there is no checkpoint file nowhere.pth' in tool('advent', 'nowhere.pth').error
    path = tmp_path / 'text.pth'
    path.write_text('precious')
    assert f'{path} is damaged or not a PyTorch checkpoint' in tool('advent', path).error
    torch.save([torch.zeros(1)], path)
    assert 'is not a checkpoint of a model' in tool('advent', path).error
    assert 'holds no named tensors' in tool('discriminator', dict(epoch=3), level).error
    path.write_bytes(pickle.dumps(Opaque()))
    assert f'{path} is damaged or not' in tool('advent', path).error
    torch.save(dict(weight=Opaque()), path)
    assert f'{path} is damaged or not' in tool('advent', path).error


class Opaque:
    """An object that unpickling would have to execute code for."""


def test_bad_arguments(run, tool, tmp_path):
    official = discriminator(NAMED, 4)
    assert "KIND='fcn' is unknown; choose from resnet101-caffe, " in tool('fcn', official).error
    assert 'needs --level decode or auxiliary' in tool('discriminator', official).error
    error = tool('discriminator', official, '--level=main').error
    assert "--level='main' is unknown" in error
    assert '--level is for the kind discriminator' in tool('bdl', official, '--level=decode').error
    assert '--network is for --reverse' in tool('bdl', official, '--network=Deeplab').error
    error = tool('bdl', official, '--reverse', '--network=DeeplabMulti').error
    assert "--network='DeeplabMulti' is unknown; choose from Deeplab, VGG16_FCN8s" in error
    src = tmp_path / 'src.pth'
    error = run('convert_weights', 'bdl', src, tmp_path / 'no/dst.pth').error
    assert f'cannot write to the folder {tmp_path}/no' in error
    (tmp_path / 'dst.pth').write_text('precious')
    error = tool('discriminator', official, '--level=decode').error
    assert f'{tmp_path}/dst.pth exists and is not overwritten; choose another DST' in error
    assert (tmp_path / 'dst.pth').read_text() == 'precious'


def test_a_full_disk(tool, monkeypatch, tmp_path):
    """Nothing is left behind."""

    def save(contents, file):
        file.write(b'half')
        raise OSError(28, 'No space left on device')

    torch.save(discriminator(NAMED, 4), tmp_path / 'official.pth')
    monkeypatch.setattr(torch, 'save', save)
    error = tool('discriminator', tmp_path / 'official.pth', '--level=decode').error
    assert f'cannot write {tmp_path}/dst.pth' in error and 'No space left' in error
    assert [path.name for path in tmp_path.iterdir()] == ['official.pth']

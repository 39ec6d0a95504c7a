"""CycleGAN: networks, pool and loading; a step against a straight-line version, in float64."""

import copy
import glob
import os
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import OptimWrapper, OptimWrapperDict, build_optim_wrapper
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_gl.config.load import load_config
from mmseg_gl.errors import UserError
from mmseg_gl.models import PatchDiscriminator, ResNetGenerator
from mmseg_gl.models.translation import ImagePool
from mmseg_gl.weights.files import read_checkpoint

ROOT = Path(__file__).parents[2]
CONFIGS = sorted(glob.glob(str(ROOT / 'configs/bdl/cyclegan_*.py')))
CONFIG = ROOT / 'configs/bdl/cyclegan_street-scenes.py'
# The large eps keeps Adam from making steps out of the rounding of gradients that are 0: those of
# biases before instance norm.
ADAM = dict(lr=2e-3, betas=(0.5, 0.999), eps=1e-3)
MEAN = torch.tensor([104.00698793, 116.66876762, 122.67891434]).view(3, 1, 1)  # float32, as there
TINY = [
    'model.generator.channels=4',
    'model.generator.num_blocks=1',
    'model.discriminator.channels=4',
]


def segmentor_cfg():
    cfg = load_config(ROOT / 'configs/source_only/source-only_deeplabv2-tiny_street-scenes.py')
    segmentor = cfg.model.segmentor
    segmentor.backbone.update(stem_channels=8, base_channels=8, norm_cfg=None)
    segmentor.decode_head.in_channels = 64
    segmentor.auxiliary_head = None
    return segmentor


def build(segmentor=None, **options):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    mean_and_std = dict(mean=[127.5] * 3, std=[127.5] * 3)
    return MODELS.build(
        dict(
            type='CycleGAN',
            generator=dict(type='ResNetGenerator', channels=4, num_blocks=2),
            discriminator=dict(type='PatchDiscriminator', channels=4),
            segmentor=segmentor,
            data_preprocessor=dict(
                type='SegDataPreProcessor', **mean_and_std, bgr_to_rgb=True, size_divisor=1
            ),
            **options,
        )
    )


@pytest.fixture
def segmentor_file(tmp_path):
    """The weights of a small segmentor, as a training run's checkpoint has them."""
    init_default_scope('mmseg')
    torch.manual_seed(1)
    weights = MODELS.build(segmentor_cfg()).state_dict()
    for key, value in weights.items():
        if 'running_mean' in key:
            value.normal_()
        if 'decode_head' in key:
            value.normal_(std=0.3)
    path = tmp_path / 'segmentor.pth'
    torch.save(dict(state_dict={f'segmentor.{k}': v for k, v in weights.items()}), path)
    return path


def batch(seed, size=(32, 36), number=2):
    generator = torch.Generator().manual_seed(seed)
    images = [torch.randint(0, 256, (3, *size), generator=generator).byte() for _ in range(number)]
    return dict(inputs=images, data_samples=[SegDataSample() for _ in images])


def optimizers(model):
    return OptimWrapperDict(
        **{
            name: OptimWrapper(torch.optim.Adam(getattr(model, name).parameters(), **ADAM))
            for name in ('generators', 'discriminators')
        }
    )


# The networks


def state_values(network):
    """Count what an official state dict holds: parameters and instance norms' statistics."""
    norms = [m for m in network.modules() if isinstance(m, torch.nn.InstanceNorm2d)]
    statistics = sum(2 * norm.num_features + 1 for norm in norms)
    return sum(p.numel() for p in network.parameters()) + statistics


def test_official_sizes():
    generator, discriminator = ResNetGenerator(), PatchDiscriminator()
    assert state_values(generator) == 11_388_698  # BDL's
    assert state_values(discriminator) == 2_766_532
    assert sum(p.numel() for p in generator.parameters()) == 11_378_179
    assert sum(p.numel() for p in discriminator.parameters()) == 2_764_737
    assert sum(v.numel() for v in generator.state_dict().values()) == 11_378_179


def test_initial_weights():
    network = ResNetGenerator(channels=32, num_blocks=1)
    network.init_weights()
    for name, parameter in network.named_parameters():
        if name.endswith('bias'):
            assert not parameter.any()
        else:
            assert parameter.std().item() == pytest.approx(0.02, rel=0.05)


def test_any_size_is_kept_and_the_mode_does_not_matter():
    network = ResNetGenerator(channels=4, num_blocks=1)
    for height, width in ((33, 46), (5, 8), (12, 7)):
        images = torch.rand(2, 3, height, width) * 2 - 1
        output = network.train()(images)
        assert output.shape == images.shape and output.abs().max() <= 1
        assert torch.equal(network.eval()(images), output)
    whole = torch.rand(1, 3, 33, 45) * 2 - 1
    padded = F.pad(whole, (0, 3, 0, 3), mode='reflect')
    assert torch.equal(network(whole), network(padded)[..., :33, :45])
    with pytest.raises(UserError, match='an image of 4x9 pixels is too small'):
        network(torch.zeros(1, 3, 9, 4))


def test_a_score_sees_70_pixels():
    network = PatchDiscriminator(channels=2).double()
    network.layers = torch.nn.Sequential(
        *[m for m in network.layers if not isinstance(m, torch.nn.InstanceNorm2d)]
    )
    image = torch.rand(1, 3, 256, 256, dtype=torch.double, requires_grad=True)
    scores = network(image)
    assert scores.shape == (1, 1, 30, 30)
    scores[0, 0, 15, 15].backward()
    assert [axis.max() - axis.min() + 1 for axis in image.grad[0, 0].nonzero().t()] == [70, 70]


# The step


def norm(x):
    mean = x.mean(dim=(2, 3), keepdim=True)
    return (x - mean) / (((x - mean) ** 2).mean(dim=(2, 3), keepdim=True) + 1e-5).sqrt()


def reflect(x, n):
    return F.pad(x, (n, n, n, n), mode='reflect')


def generate(parameters, x, blocks=2):
    """The generator, from its parameters in order."""
    p = list(parameters)
    x = F.relu(norm(F.conv2d(reflect(x, 3), *p[0:2])))
    x = F.relu(norm(F.conv2d(x, *p[2:4], stride=2, padding=1)))
    x = F.relu(norm(F.conv2d(x, *p[4:6], stride=2, padding=1)))
    for i in range(6, 6 + 4 * blocks, 4):
        y = F.relu(norm(F.conv2d(reflect(x, 1), *p[i : i + 2])))
        x = x + norm(F.conv2d(reflect(y, 1), *p[i + 2 : i + 4]))
    i = 6 + 4 * blocks
    for j in (i, i + 2):
        x = F.conv_transpose2d(x, *p[j : j + 2], stride=2, padding=1, output_padding=1)
        x = F.relu(norm(x))
    return torch.tanh(F.conv2d(reflect(x, 3), *p[i + 4 :]))


def judge(parameters, x):
    """The discriminator, from its parameters in order."""
    p = list(parameters)
    x = F.leaky_relu(F.conv2d(x, *p[0:2], stride=2, padding=1), 0.2)
    for i, stride in ((2, 2), (4, 2), (6, 1)):
        x = F.leaky_relu(norm(F.conv2d(x, *p[i : i + 2], stride=stride, padding=1)), 0.2)
    return F.conv2d(x, *p[8:], padding=1)


class Reference:
    """The official loop, written down once more; A is the source, B the target."""

    def __init__(self, model, perceptual):
        self.g_ab, self.g_ba = (
            [p.detach().clone().requires_grad_() for p in network.parameters()]
            for network in model.generators.values()
        )
        self.d_a, self.d_b = (
            [p.detach().clone().requires_grad_() for p in network.parameters()]
            for network in model.discriminators.values()
        )
        self.s = copy.deepcopy(model.semantics.segmentor).eval() if perceptual else None
        self.opt_g = torch.optim.Adam([*self.g_ab, *self.g_ba], **ADAM)
        self.opt_d = torch.optim.Adam([*self.d_a, *self.d_b], **ADAM)

    def meaning(self, x):
        bgr = ((x + 1) * 127.5)[:, [2, 1, 0]] - MEAN.double()
        return norm(self.s.decode_head(self.s.backbone(bgr)))

    def sem(self, x, y):
        return ((self.meaning(x) - self.meaning(y).detach()) ** 2).mean()

    def step(self, source, target):
        a, b = (
            torch.stack([image.double()[[2, 1, 0]] / 127.5 - 1 for image in data['inputs']])
            for data in (source, target)
        )
        fake_b, fake_a = generate(self.g_ab, a), generate(self.g_ba, b)
        rec_a, rec_b = generate(self.g_ba, fake_b), generate(self.g_ab, fake_a)
        losses = dict(
            loss_gan_source=((judge(self.d_a, fake_a) - 1) ** 2).mean(),
            loss_gan_target=((judge(self.d_b, fake_b) - 1) ** 2).mean(),
            loss_cycle_source=10 * (rec_a - a).abs().mean(),
            loss_cycle_target=10 * (rec_b - b).abs().mean(),
            loss_identity_source=5 * (generate(self.g_ba, a) - a).abs().mean(),
            loss_identity_target=5 * (generate(self.g_ab, b) - b).abs().mean(),
        )
        if self.s is not None:
            losses.update(
                loss_semantic_source=0.1 * self.sem(fake_b, a),
                loss_semantic_target=0.1 * self.sem(fake_a, b),
                loss_semantic_reconstruction_source=10 * self.sem(rec_a, a),
                loss_semantic_reconstruction_target=10 * self.sem(rec_b, b),
            )
        self.opt_g.zero_grad()
        sum(losses.values()).backward()
        self.opt_g.step()
        self.opt_d.zero_grad()
        fakes = fake_a.detach(), fake_b.detach()  # the pools are not full: they return all
        for name, d, real, fake in (
            ('source', self.d_a, a, fakes[0]),
            ('target', self.d_b, b, fakes[1]),
        ):
            loss = 0.5 * (((judge(d, real) - 1) ** 2).mean() + (judge(d, fake) ** 2).mean())
            losses[f'loss_d_{name}'] = loss
            loss.backward()
        self.opt_d.step()
        return losses


@pytest.mark.parametrize('perceptual', [False, True], ids=['plain', 'perceptual'])
def test_step_equals_the_straight_line_version(perceptual, segmentor_file):
    options = dict(segmentor=segmentor_cfg(), segmentor_checkpoint=str(segmentor_file))
    model = build(**(options if perceptual else {}))
    if perceptual:
        model.semantics.init_weights()
    for parameter in (*model.generators.parameters(), *model.discriminators.parameters()):
        torch.nn.init.normal_(parameter, std=0.2)  # outputs far from 0
    model = model.double().train()
    reference = Reference(model, perceptual)
    frozen = copy.deepcopy(model.semantics.state_dict()) if perceptual else {}
    wrappers = optimizers(model)
    for seed in range(3):
        source, target = batch(seed), batch(seed + 10)
        logs = model.train_step(dict(source=source, target=target), wrappers)
        expected = reference.step(source, target)
        assert logs.keys() == expected.keys()
        for name, value in expected.items():
            assert logs[name].item() == pytest.approx(value.item(), rel=1e-9), name
            assert not logs[name].requires_grad
        own = [*model.generators.values(), *model.discriminators.values()]
        own = [list(network.parameters()) for network in own]
        theirs = [reference.g_ab, reference.g_ba, reference.d_a, reference.d_b]
        for mine, other in zip(own, theirs):
            for p, q in zip(mine, other, strict=True):
                assert torch.allclose(p, q, rtol=0, atol=1e-9)
                assert p.requires_grad and p.grad is None
    if perceptual:
        for key, value in model.semantics.state_dict().items():
            assert torch.equal(value, frozen[key])
        assert all(p.grad is None for p in model.semantics.parameters())


def test_gradients_equal_the_straight_line_versions(segmentor_file):
    """Adam's first steps hide the gradients' scale; plain SGD shows it."""
    model = build(segmentor=segmentor_cfg(), segmentor_checkpoint=str(segmentor_file))
    model.semantics.init_weights()
    for parameter in (*model.generators.parameters(), *model.discriminators.parameters()):
        torch.nn.init.normal_(parameter, std=0.2)
    model = model.double().train()
    reference = Reference(model, perceptual=True)
    wrappers = {}
    for name, own in (
        ('generators', [*reference.g_ab, *reference.g_ba]),
        ('discriminators', [*reference.d_a, *reference.d_b]),
    ):
        wrappers[name] = OptimWrapper(torch.optim.SGD(getattr(model, name).parameters(), lr=1.0))
        setattr(reference, f'opt_{name[0]}', torch.optim.SGD(own, lr=1.0))
    before = {k: v.clone() for k, v in model.named_parameters()}
    model.train_step(dict(source=batch(0), target=batch(1)), OptimWrapperDict(**wrappers))
    reference.step(batch(0), batch(1))
    theirs = iter([*reference.g_ab, *reference.g_ba, *reference.d_a, *reference.d_b])
    for part in ('generators', 'discriminators'):
        for name, parameter in getattr(model, part).named_parameters():
            gradient = before[f'{part}.{name}'] - parameter
            assert torch.allclose(gradient, next(theirs).grad, rtol=1e-6, atol=1e-9), name


def test_a_loss_of_weight_0_is_not_computed(segmentor_file):
    weights = dict(identity=0, semantic=0.0)
    model = build(segmentor_cfg(), segmentor_checkpoint=str(segmentor_file), loss_weights=weights)
    data = dict(source=batch(0), target=batch(1))
    logs = model.train_step(data, optimizers(model))
    assert not any('identity' in name or 'loss_semantic_s' in name for name in logs)
    assert len(logs) == 2 * 4


def test_half_precision(segmentor_file):
    model = build(segmentor_cfg(), segmentor_checkpoint=str(segmentor_file)).train()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        logs = model.train_step(dict(source=batch(0), target=batch(1)), optimizers(model))
    assert all(torch.isfinite(value) for value in logs.values())


def test_mistakes():
    model = build()
    with pytest.raises(UserError, match='has no "target" images'):
        model.train_step(dict(source=batch(0)), optimizers(model))
    next(model.generators.parameters()).data.fill_(float('nan'))
    with pytest.raises(UserError, match='training has diverged .*loss_cycle_source nan'):
        model.train_step(dict(source=batch(0), target=batch(1)), optimizers(model))
    with pytest.raises(UserError, match="loss_weights='cicle' is unknown; choose from gan, cycle"):
        build(loss_weights=dict(cicle=10))
    with pytest.raises(UserError, match='loss_weights.cycle=-1'):
        build(loss_weights=dict(cycle=-1))
    with pytest.raises(UserError, match='pool_size=-1'):
        build(pool_size=-1)


# The frozen segmentor


def test_the_segmentor_stays_in_eval_mode_and_is_not_trained():
    model = build(segmentor_cfg()).train()
    assert model.generators.training
    assert not any(module.training for module in model.semantics.segmentor.modules())
    assert not any(p.requires_grad for p in model.semantics.parameters())


def test_loading_the_segmentor(segmentor_file, tmp_path):
    weights = read_checkpoint(segmentor_file)['state_dict']
    alone = {key.removeprefix('segmentor.'): value for key, value in weights.items()}
    path = tmp_path / 'other.pth'

    def load(contents):
        torch.save(contents, path)
        model = build(segmentor_cfg(), segmentor_checkpoint=str(path))
        model.init_weights()
        return model.semantics.segmentor.state_dict()

    further = {'segmentor.auxiliary_head.w': torch.ones(1), 'global_head.w': torch.ones(1)}
    for contents in (alone, dict(state_dict=alone), dict(state_dict={**weights, **further})):
        loaded = load(contents)
        assert all(torch.equal(loaded[key], value) for key, value in alone.items())
    lacking = dict(alone)
    del lacking['decode_head.branches.0.weight'], lacking['backbone.conv1.weight']
    with pytest.raises(UserError, match='not a checkpoint of model.segmentor: 2 tensors are miss'):
        load(lacking)
    with pytest.raises(UserError, match='1 tensors are unknown: '):
        load({**alone, 'backbone.layer5.weight': torch.ones(1)})
    with pytest.raises(UserError, match='there is no checkpoint file nowhere.pth'):
        build(segmentor_cfg(), segmentor_checkpoint='nowhere.pth').init_weights()
    with pytest.raises(UserError, match='set model.segmentor_checkpoint'):
        build(segmentor_cfg()).init_weights()


# The pool


def numbered(first, number=2):
    return torch.arange(first, first + number).float().view(-1, 1, 1, 1).expand(-1, 3, 2, 2)


def test_pool():
    torch.manual_seed(0)
    pool = ImagePool(size=6)
    for first in (0, 2, 4):
        assert torch.equal(pool(numbered(first)), numbered(first))
    kept = {0, 1, 2, 3, 4, 5}
    passed = exchanged = 0
    for first in range(6, 406, 2):
        returned = pool(numbered(first))[:, 0, 0, 0].int().tolist()
        for new, old in zip((first, first + 1), returned):
            assert old == new or old in kept
            passed, exchanged = passed + (old == new), exchanged + (old != new)
            kept = (kept | {new}) - {old}
        assert set(pool.images[:, 0, 0, 0].int().tolist()) == kept
    assert 160 < passed < 240 and passed + exchanged == 400
    assert torch.equal(ImagePool(size=0)(numbered(3)), numbered(3))
    with pytest.raises(UserError, match='holds images of 2x2, but one of 5x3 came'):
        pool(torch.zeros(1, 3, 3, 5))


def test_pool_resumes(tmp_path):
    torch.manual_seed(0)
    pool = ImagePool(size=4)
    for first in range(0, 20, 2):
        pool(numbered(first))
    torch.save(pool.state_dict(), tmp_path / 'pool.pth')
    other = ImagePool(size=4)
    other.load_state_dict(torch.load(tmp_path / 'pool.pth', weights_only=True))
    for first in range(20, 60, 2):
        assert torch.equal(pool(numbered(first)), other(numbered(first)))
    assert torch.equal(pool.images, other.images)


# The configs


def name(path):
    return os.path.basename(path)[:-3]


@pytest.mark.parametrize('path', CONFIGS, ids=name)
def test_config(path):
    cfg = load_config(path)
    model = MODELS.build(cfg.model)
    wrappers = build_optim_wrapper(model, cfg.optim_wrapper)
    assert set(wrappers.keys()) == {'generators', 'discriminators'}
    assert ('perceptual' in path) == (model.semantics is not None)
    assert model.loss_weights == dict(
        gan=1.0, cycle=10.0, identity=5.0, semantic=0.1, semantic_reconstruction=10.0
    )
    assert all(pool.size == 50 for pool in model.pools.values())
    dataset, schedule = cfg.train_dataloader.dataset, cfg.param_scheduler[0]
    for pipeline in (dataset.source.pipeline, dataset.target.pipeline):
        assert [step.type for step in pipeline if step.type.startswith('Load')] == ['LoadImage']
    assert (dataset.source.type, dataset.source.data_root) == (
        cfg.translation_dataset.type,
        cfg.translation_dataset.data_root,
    )
    assert schedule.end == 2 * schedule.begin + 1 == cfg.train_cfg.max_iters + 1
    if 'street' not in path:
        epoch = {'gta5': 24_966, 'synthia': 9_400}[name(path).split('_')[-1].split('-')[0]] / 4
        assert schedule.begin == pytest.approx(10 * epoch, abs=5)
        for wrapper in wrappers.values():
            group = wrapper.param_groups[0]
            assert (group['lr'], group['betas']) == (2e-4, (0.5, 0.999))
        assert sum(p.numel() for p in model.generators.parameters()) == 2 * 11_378_179
        assert cfg.train_dataloader.batch_size == 4
        assert dataset.source.pipeline[2] == dict(type='RandomCrop', crop_size=452)


def options(folder):
    changes = [*TINY, 'model.pool_size=6', 'default_hooks.checkpoint.interval=3']
    for domain, root in (('source', 'GTA5'), ('target', 'cityscapes')):
        dataset = f'train_dataloader.dataset.{domain}'
        changes += [f'{dataset}.data_root={folder}/{root}', f'{dataset}.pipeline.1.crop_size=32']
    return changes


def test_resumed_training_equals_uninterrupted_training(run, street_scenes, tmp_path):
    def train(work_dir, max_iters, *arguments):
        changes = [*options(street_scenes), f'train_cfg.max_iters={max_iters}']
        work_dir = tmp_path / work_dir
        outcome = run(
            *('train', CONFIG, '--work-dir', work_dir, *arguments, '--cfg-options', *changes)
        )
        assert outcome.code == 0, outcome.err
        return read_checkpoint(work_dir / f'iter_{max_iters}.pth')

    straight = train('straight', 6)
    train('resumed', 3)
    resumed = train('resumed', 6, '--resume')
    assert straight['state_dict'].keys() == resumed['state_dict'].keys()
    assert straight['state_dict']['pools.source.images'].shape == (6, 3, 32, 32)
    for key, value in straight['state_dict'].items():
        assert torch.equal(value, resumed['state_dict'][key]), key
    for part in ('generators', 'discriminators'):
        for index, state in straight['optimizer'][part]['state'].items():
            for key, value in state.items():
                assert torch.equal(value, resumed['optimizer'][part]['state'][index][key])
    foreign = tmp_path / 'foreign.pth'
    torch.save(dict(state_dict={'generators.x': torch.ones(1)}), foreign)
    changes = [*options(street_scenes), f'load_from={foreign}']
    outcome = run('train', CONFIG, '--work-dir', tmp_path / 'work', '--cfg-options', *changes)
    assert "is not a checkpoint of this config's model" in outcome.error


def test_perceptual_training_without_its_checkpoint(run, street_scenes, tmp_path):
    config = ROOT / 'configs/bdl/cyclegan_perceptual_deeplabv2-tiny_street-scenes.py'
    changes = [*options(street_scenes), 'model.segmentor_checkpoint=nowhere.pth']
    outcome = run('train', config, '--work-dir', tmp_path, '--cfg-options', *changes)
    assert outcome.error == 'error: there is no checkpoint file nowhere.pth'

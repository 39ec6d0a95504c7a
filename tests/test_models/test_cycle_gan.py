"""CycleGAN: networks, pool, loading and configs; its step is compared in tests/test_fidelity.py."""

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
            name: OptimWrapper(torch.optim.Adam(getattr(model, name).parameters()))
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
    with pytest.raises(UserError, match='4x9'):
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


def test_a_loss_of_weight_0_is_not_computed(segmentor_file):
    weights = dict(identity=0, semantic=0.0)
    model = build(segmentor_cfg(), segmentor_checkpoint=str(segmentor_file), loss_weights=weights)
    data = dict(source=batch(0), target=batch(1))
    logs = model.train_step(data, optimizers(model))
    assert not any('identity' in name or 'loss_semantic_s' in name for name in logs)
    assert len(logs) == 2 * 4


@pytest.mark.parametrize('parts', [['generators'], ['generators', 'discriminators']])
def test_half_precision(segmentor_file, parts):
    model = build(segmentor_cfg(), segmentor_checkpoint=str(segmentor_file)).train()
    wrappers = optimizers(model)
    for name in parts:
        wrappers[name].optim_context = lambda _: torch.autocast('cpu', dtype=torch.bfloat16)
    logs = model.train_step(dict(source=batch(0), target=batch(1)), wrappers)
    assert all(torch.isfinite(value) for value in logs.values())


def test_mistakes():
    model = build()
    with pytest.raises(UserError, match='"target"'):
        model.train_step(dict(source=batch(0)), optimizers(model))
    next(model.generators.parameters()).data.fill_(float('nan'))
    with pytest.raises(UserError, match='loss_cycle_source'):
        model.train_step(dict(source=batch(0), target=batch(1)), optimizers(model))
    with pytest.raises(UserError, match='cicle'):
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
    with pytest.raises(UserError, match='branches.0.weight'):
        load(lacking)
    with pytest.raises(UserError, match='layer5.weight'):
        load({**alone, 'backbone.layer5.weight': torch.ones(1)})
    with pytest.raises(UserError, match='nowhere.pth'):
        build(segmentor_cfg(), segmentor_checkpoint='nowhere.pth').init_weights()
    with pytest.raises(UserError, match='model.segmentor_checkpoint'):
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
    with pytest.raises(UserError, match='5x3'):
        pool(torch.zeros(1, 3, 3, 5))


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

"""Every shipped config is read, built and run."""

import glob
import os
import re

import pytest
import torch
import yaml
from mmengine.optim import build_optim_wrapper
from mmseg.registry import MODELS

from mmseg_gl.config.load import load_config
from mmseg_gl.datasets.inspection import datasets_in, datasets_of, list_files
from mmseg_gl.engine.safe_runner import SafeRunner
from mmseg_gl.errors import UserError
from mmseg_gl.models import ImageBatch

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CONFIGS = sorted(glob.glob(os.path.join(ROOT, 'configs', '[a-z]*', '*.py')))
# tests/test_models/test_cycle_gan, tests/test_cli/test_own_classes
CONFIGS = [path for path in CONFIGS if 'cyclegan' not in path and 'own_data' not in path]
PHOTOGRAPHS = [path for path in CONFIGS if 'camvid' in path]
SMALL = [path for path in CONFIGS if 'street-scenes' in path and path not in PHOTOGRAPHS]
PAPER = [path for path in CONFIGS if path not in (*SMALL, *PHOTOGRAPHS)]
TASKS = {
    **dict.fromkeys(SMALL, 'street-scenes'),
    **dict.fromkeys(PHOTOGRAPHS, '(camvid-day-to-dusk|street-scenes-to-camvid)'),
    **dict.fromkeys(PAPER, '(gta5|synthia|gta5[+]synthia)-to-cityscapes'),
}


def name(path):
    return os.path.basename(path)[:-3]


@pytest.mark.parametrize('path', CONFIGS, ids=name)
def test_leaf_is_named_after_its_method_and_short(path):
    folder = os.path.basename(os.path.dirname(path)).replace('_', '-')
    name_of_task = f'{folder}(-gl)?_[a-z0-9]+-[a-z0-9]+_{TASKS[path]}(_[a-z0-9-]+)*'
    assert re.fullmatch(name_of_task, name(path))
    with open(path) as file:
        assert len(file.readlines()) <= 25


def check_data(path, cfg):
    """Check that a config trains on the data that its name says, without labels of the target."""
    domains = cfg.train_dataloader.dataset
    sources = name(path).split('_')[2].removesuffix('-to-cityscapes').split('+')
    types = {
        'gta5': 'GTA5Dataset',
        'synthia': 'SYNTHIADataset',
        'street-scenes': 'CityscapesDataset' if 'oracle' in path else 'GTA5Dataset',
    }
    for key, source in zip(sources, datasets_in('source', domains.source).values(), strict=True):
        assert source.type == types[key]
        assert any(step.type == 'LoadTrainIds' for step in source.pipeline)
        assert ('translated' in str(source.get('data_prefix'))) == name(path).startswith('bdl')
    if 'source-only' in path:
        assert domains.target is None
    else:
        assert not any(step.type == 'LoadTrainIds' for step in domains.target.pipeline)


@pytest.mark.parametrize('path', PAPER, ids=name)
def test_paper_config_builds_and_runs_at_reduced_size(path):
    cfg = load_config(path)
    check_data(path, cfg)
    if cfg.model.segmentor.backbone.type == 'MixTransformer':
        cfg.model.segmentor.backbone.arch = 'b0'  # B5 in test_networks
    if 'feature_distance' not in cfg.model.get('source_losses', {}):
        cfg.model.segmentor.backbone.init_cfg = None
    model = MODELS.build(cfg.model)
    wrappers = build_optim_wrapper(model, cfg.optim_wrapper)
    assert set(wrappers.keys()) == {'segmentor', *model.parts('heads')}
    with torch.no_grad():
        outputs = model.segmentor(ImageBatch(torch.zeros(1, 3, 64, 96)), mode='outputs')
        for head in model.parts('heads').values():
            losses = head.fool(outputs)
            assert all(torch.isfinite(value) for value in losses.values())
    classes = 16 if '16-classes' in path else 19
    assert all(z.shape == (1, classes, 64, 96) for z in outputs.logits.values())
    optimizer = wrappers['segmentor'].optimizer
    if '-r101_' in path:
        groups = optimizer.param_groups
        entries = [(g['repeats'], g['lr']) for g in groups if g['params'][0].requires_grad]
        backbone = [repeats for repeats, lr in entries if lr == 2.5e-4]
        assert len(backbone) == 104 and sum(backbone) == 314  # as in the official optimizer
        assert {lr for _, lr in entries} == {2.5e-4, 2.5e-3}
    elif isinstance(optimizer, torch.optim.AdamW):
        names = {id(p): name for name, p in model.segmentor.named_parameters()}
        for group in optimizer.param_groups:  # one a tensor
            (name,) = (names[id(parameter)] for parameter in group['params'])
            head = 'head' in name
            assert group['lr'] == pytest.approx(6e-4 if head else 6e-5), name
            layer_norm = 'norm' in name or re.match(r'backbone\.layers\.\d\.2\.', name)
            assert group['weight_decay'] == (0 if layer_norm and not head else 0.01), name
    elif 'mitb5' in path or 'r101v1c' in path:
        assert {g['lr'] for g in optimizer.param_groups} == {2.5e-3}
    elif 'fcn8s' in path:
        rates = {g['lr'] for g in wrappers['segmentor'].param_groups if g['params'][0].dim() == 1}
        assert rates == {2e-5}  # biases
    else:
        assert {g['lr'] for g in wrappers['segmentor'].param_groups} == {2.5e-4}


@pytest.mark.parametrize(
    'path, iterations, poly_end',  # of configs/README.md
    [
        ('adaptsegnet/adaptsegnet_deeplabv2-r101_gta5-to-cityscapes', 150_000, 250_000),
        ('adaptsegnet/adaptsegnet_deeplabv2-r101_synthia-to-cityscapes', 150_000, 250_000),
        ('advent/advent_deeplabv2-r101_gta5-to-cityscapes', 120_000, 250_000),
        ('advent/advent_deeplabv2-r101_synthia-to-cityscapes', 90_000, 90_000),
        ('minent/minent_deeplabv2-r101_gta5-to-cityscapes', 120_000, 250_000),
        ('minent/minent_deeplabv2-r101_synthia-to-cityscapes', 90_000, 90_000),
    ],
)
def test_papers_iterations_and_schedules(path, iterations, poly_end):
    cfg = load_config(os.path.join(ROOT, f'configs/{path}.py'))
    schedules = [(s.type, s.power, s.end - 1) for s in cfg.param_scheduler]
    assert cfg.train_cfg.max_iters == iterations and set(schedules) == {('PolyLR', 0.9, poly_end)}


def test_metafiles_list_every_paper_config():
    listed = []
    for path in glob.glob(os.path.join(ROOT, 'configs', '*', 'metafile.yaml')):
        with open(path) as file:
            metafile = yaml.safe_load(file)
        collections = {entry['Name'] for entry in metafile['Collections']}
        for model in metafile['Models']:
            assert model['In Collection'] in collections
            assert model['Name'] == name(model['Config'])
            listed.append(os.path.join(ROOT, model['Config']))
            for result in model.get('Results', []):
                assert result['Source'] == 'paper'
    assert sorted(listed) == PAPER


def test_ablation_configs_change_one_thing():
    paths = glob.glob(os.path.join(ROOT, 'configs/adaptsegnet/ablations/*.py'))
    base = load_config(
        os.path.join(ROOT, 'configs/adaptsegnet/adaptsegnet-gl_deeplabv2-tiny_street-scenes.py')
    )
    changed = {}
    for path in paths:
        cfg = load_config(path)
        MODELS.build(cfg.model)
        variant = name(path).split('_')[-1]
        changed[variant] = {
            key: value
            for key, value in cfg.model.heads.local_head.items()
            if value != base.model.heads.local_head.get(key)
        }
    assert changed.pop('local-only') == {}
    assert changed == {
        'replace': {'background': 'replace'},
        'ignore': {'background': 'ignore'},
        'entropy': {'representation': 'entropy'},
        'all-pixels': {'num_points': None},
        '512-points': {'num_points': 512},
    }
    local_only = load_config(next(path for path in paths if 'local-only' in path))
    assert local_only.custom_hooks[0].phases[1] == ('local_head',)


# BDL's stages need each other's outputs: tests/test_cli/test_run_recipe.py.
@pytest.mark.parametrize('path', [path for path in SMALL if 'bdl' not in path], ids=name)
def test_street_scenes_config_trains(path, street_scenes, monkeypatch, tmp_path):
    monkeypatch.setenv('STREET_SCENES', str(street_scenes))
    cfg = load_config(path)
    check_data(path, cfg)
    cfg.work_dir = str(tmp_path)
    cfg.train_cfg.max_iters = 2
    cfg.train_cfg.val_interval = 2
    runner = SafeRunner.from_cfg(cfg)
    before = {k: v.clone() for k, v in runner.model.state_dict().items()}
    runner.train()
    for key, value in runner.model.state_dict().items():
        assert torch.isfinite(value).all()
        if key.endswith('conv1.weight'):
            assert not torch.equal(value, before[key])
    assert runner.message_hub.get_scalar('val/mIoU').current() >= 0


@pytest.fixture
def photographs(camvid, street_scenes, monkeypatch, tmp_path):
    """A work folder with data/camvid in it, and street scenes."""
    (tmp_path / 'data').mkdir()
    (tmp_path / 'data/camvid').symlink_to(camvid)
    monkeypatch.setenv('STREET_SCENES', str(street_scenes))
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize('path', PHOTOGRAPHS, ids=name)
def test_photographs_config_trains(path, photographs):
    cfg = load_config(path)
    for dataset in datasets_of(cfg).values():
        for step in dataset.pipeline:
            if step.type == 'Resize':
                step.scale = (64, 48)
            elif step.type == 'RandomCrop':
                step.crop_size = (32, 64)
    sampling = cfg.train_dataloader.dataset.get('source_sampling')
    if sampling:
        sampling.min_pixels = 20
    cfg.work_dir = 'work'
    cfg.train_cfg.max_iters = cfg.train_cfg.val_interval = 2
    runner = SafeRunner.from_cfg(cfg)
    before = runner.model.segmentor.backbone.stem.conv.weight.clone()
    runner.train()
    assert not torch.equal(runner.model.segmentor.backbone.stem.conv.weight, before)
    assert all(torch.isfinite(value).all() for value in runner.model.state_dict().values())
    assert runner.message_hub.get_scalar('val/mIoU').current() >= 0
    has_teacher = 'teacher' in cfg.model
    assert runner.model.evaluated == ('teacher' if has_teacher else 'segmentor')
    if 'feature_distance' in cfg.model.get('source_losses', {}):
        things = [cfg.metainfo.classes[n] for n in cfg.model.source_losses.feature_distance.classes]
        assert things == ['sign', 'car', 'pedestrian', 'bicyclist']
        assert sampling is not None


@pytest.mark.parametrize('path', PHOTOGRAPHS, ids=name)
def test_photographs_of_the_domains(path, photographs, camvid):
    """No frame is both labelled and unlabelled, or both learned and evaluated."""
    cfg = load_config(path)
    every = {image for image, _ in list_files('all', dict(cfg.camvid, pipeline=[]))}
    sets = {key: {image for image, _ in list_files(key, d)} for key, d in datasets_of(cfg).items()}
    dusk = {image for image in every if '0001TP' in image}
    test = {image for image in every if '/test/' in image}
    val = {image for image in every if '/val/' in image}
    if 'day-to-dusk' in path:
        expected = dict(source=every - dusk - val, target=dusk - test, val=dusk & test)
    else:
        expected = dict(source=sets['source'], target=every - test, val=test)
    if 'source-only' in path:
        target = expected.pop('target')
        if 'oracle' in path:
            expected['source'] = target
    assert sets == expected
    assert ('GTA5' in cfg.train_dataloader.dataset.source.type) == (
        'street-scenes' in path and 'oracle' not in path
    )


def test_options_of_the_validation_data_reach_the_test_data():
    root = 'val_dataloader.dataset.data_root'
    cfg = load_config(SMALL[0], {root: 'elsewhere'})
    assert cfg.test_dataloader.dataset.data_root == 'elsewhere'
    cfg = load_config(SMALL[0], {root: 'here', root.replace('val', 'test'): 'there'})
    assert cfg.test_dataloader.dataset.data_root == 'there'


def test_heads_and_data_of_different_classes():
    path = next(path for path in PAPER if '16-classes' in path)
    head = 'model.segmentor.decode_head.num_classes'
    with pytest.raises(UserError, match=f'{head} .*19.*auxiliary_head.num_classes .*16'):
        load_config(path, {head: 19})
    with pytest.raises(UserError, match=f'{head} .*19.* val_dataloader.dataset .*2'):
        load_config(SMALL[0], {'val_dataloader.dataset.metainfo': dict(classes=['road', 'sky'])})

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
from mmseg_gl.datasets.inspection import datasets_in
from mmseg_gl.engine.safe_runner import SafeRunner
from mmseg_gl.errors import UserError
from mmseg_gl.models import ImageBatch

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CONFIGS = sorted(glob.glob(os.path.join(ROOT, 'configs', '[a-z]*', '*.py')))
# tests/test_models/test_cycle_gan, tests/test_tools/test_own_classes
CONFIGS = [path for path in CONFIGS if 'cyclegan' not in path and 'own_data' not in path]
SMALL = [path for path in CONFIGS if 'street-scenes' in path]
PAPER = [path for path in CONFIGS if 'street-scenes' not in path]


def name(path):
    return os.path.basename(path)[:-3]


def test_there_are_configs():
    assert len(SMALL) >= 2 and len(PAPER) >= 14


@pytest.mark.parametrize('path', CONFIGS, ids=name)
def test_names_and_settings(path):
    cfg = load_config(path)
    method, architecture, task = name(path).split('_')[:3]
    assert os.path.basename(os.path.dirname(path)) == method.removesuffix('-gl').replace('-', '_')
    target = cfg.train_dataloader.dataset.target
    sources = list(datasets_in('source', cfg.train_dataloader.dataset.source).values())
    names = task.removesuffix('-to-cityscapes').split('+') if path in PAPER else ['street-scenes']
    assert len(sources) == len(names)
    for source, source_name in zip(sources, names):
        steps = {step['type']: step for step in source.pipeline}
        assert 'LoadTrainIds' in steps
        if source_name == 'gta5':
            size = (640, 360) if 'half-resolution' in path else (1280, 720)
            assert source.type == 'GTA5Dataset' and steps['Resize']['scale'] == size
        if source_name == 'synthia':
            assert source.type == 'SYNTHIADataset' and steps['Resize']['scale'] == (1280, 760)
    if path in PAPER:
        size = (512, 256) if 'half-resolution' in path else (1024, 512)
        for dataset in (target, cfg.val_dataloader.dataset, cfg.test_dataloader.dataset):
            assert dataset is None or dataset.pipeline[1].scale == size
        upsampled = cfg.model.segmentor.test_cfg.get('upsample', 'logits')
        assert upsampled == ('probabilities' if method.startswith('bdl') else 'logits')
    if method == 'source-only':
        assert target is None
        assert not {'heads', 'target_losses', 'views', 'teacher'} & set(cfg.model)
    else:
        loaders = {s['type'] for s in target.pipeline if s['type'].startswith('Load')}
        pseudo_labels = 'PseudoLabelLoss' in str(cfg.model.get('target_losses'))
        assert loaders == {'LoadImage'} | ({'LoadPseudoLabels'} if pseudo_labels else set())
    if method.startswith('bdl'):
        assert 'translated' in sources[0].data_prefix.img_path
        assert (
            cfg.train_cfg.max_iters
            == {('street',): 400, ('m0',): 80_000, (): 120_000}[
                ('street',) if path in SMALL else tuple(name(path).split('_')[3:])
            ]
        )
    if path in PAPER and 'fcn8s' in path:
        optimizer = cfg.optim_wrapper.segmentor.optimizer
        assert optimizer == dict(type='Adam', lr=1e-5, betas=(0.9, 0.99))
        assert cfg.param_scheduler[0].step_size == 50_000
    elif path in PAPER and 'mitb5' not in path:
        optimizer = cfg.optim_wrapper.segmentor.optimizer
        assert optimizer == dict(
            type='RepeatedSGD', lr=2.5e-4, momentum=0.9, weight_decay=5e-4, semantics='papers'
        )
        assert cfg.optim_wrapper.heads.optimizer == dict(type='Adam', lr=1e-4, betas=(0.9, 0.99))
        schedule = cfg.param_scheduler[0]
        advent_on_synthia = method.startswith(('advent', 'minent')) and task.startswith('synthia')
        end = 90_001 if advent_on_synthia else 250_001
        assert (schedule.type, schedule.power, schedule.end) == ('PolyLR', 0.9, end)


@pytest.mark.parametrize('path', PAPER, ids=name)
def test_paper_config_builds_and_runs_at_reduced_size(path):
    cfg = load_config(path)
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
    if '-r101' in path:
        groups = wrappers['segmentor'].param_groups
        entries = [(g['repeats'], g['lr']) for g in groups if g['params'][0].requires_grad]
        backbone = [repeats for repeats, lr in entries if lr == 2.5e-4]
        assert len(backbone) == 104 and sum(backbone) == 314  # as in the official optimizer
        assert {lr for _, lr in entries} == {2.5e-4, 2.5e-3}
    elif 'mitb5' in path:
        names = {id(p): name for name, p in model.segmentor.named_parameters()}
        for group in wrappers['segmentor'].optimizer.param_groups:  # one a tensor
            (name,) = (names[id(parameter)] for parameter in group['params'])
            head = name.startswith('decode_head')
            assert group['lr'] == pytest.approx(6e-4 if head else 6e-5), name
            layer_norm = 'norm' in name or re.match(r'backbone\.layers\.\d\.2\.', name)
            assert group['weight_decay'] == (0 if layer_norm and not head else 0.01), name
    elif 'fcn8s' in path:
        rates = {g['lr'] for g in wrappers['segmentor'].param_groups if g['params'][0].dim() == 1}
        assert rates == {2e-5}  # biases
    else:
        assert {g['lr'] for g in wrappers['segmentor'].param_groups} == {2.5e-4}


@pytest.mark.parametrize('path', PAPER, ids=name)
def test_header_says_what_the_config_is(path):
    with open(path) as file:
        header = [line for line in file if line.startswith('# ')]
    for entry in ('Paper row', 'Mirrors', 'Deviations', 'Memory', 'Run'):
        assert sum(line.startswith(f'# {entry}: ') for line in header) == 1
    run = next(line for line in header if line.startswith('# Run: '))
    assert run.split()[-1] == os.path.relpath(path, ROOT)


def test_heads_have_the_published_number_of_branches():
    for path in PAPER:
        head = load_config(path).model.segmentor.decode_head
        if head.type == 'DeepLabV2Head':
            two = name(path).startswith(('adaptsegnet', 'source-only'))
            assert head.num_branches == (2 if two else 4), path


def test_metafiles_list_every_paper_config():
    listed = {}
    for path in glob.glob(os.path.join(ROOT, 'configs', '*', 'metafile.yaml')):
        with open(path) as file:
            metafile = yaml.safe_load(file)
        collections = {entry['Name'] for entry in metafile['Collections']}
        for model in metafile['Models']:
            assert model['In Collection'] in collections
            assert model['Name'] == name(model['Config'])
            listed[os.path.join(ROOT, model['Config'])] = model
            for result in model.get('Results', []):
                assert result['Source'] == 'paper'
    assert sorted(listed) == PAPER
    row = listed[os.path.join(ROOT, 'configs/bdl/bdl-gl_deeplabv2-r101_gta5-to-cityscapes.py')]
    assert row['Results'][0]['Metrics'] == {'mIoU': 49.4}


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


# BDL's stages need each other's outputs: tests/test_tools/test_run_recipe.py.
@pytest.mark.parametrize('path', [path for path in SMALL if 'bdl' not in path], ids=name)
def test_street_scenes_config_trains(path, street_scenes, monkeypatch, tmp_path):
    monkeypatch.setenv('STREET_SCENES', str(street_scenes))
    cfg = load_config(path)
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


def test_options_of_the_validation_data_reach_the_test_data():
    root = 'val_dataloader.dataset.data_root'
    cfg = load_config(SMALL[0], {root: 'elsewhere'})
    assert cfg.test_dataloader.dataset.data_root == 'elsewhere'
    cfg = load_config(SMALL[0], {root: 'here', root.replace('val', 'test'): 'there'})
    assert cfg.test_dataloader.dataset.data_root == 'there'


def test_heads_and_data_of_different_classes():
    path = next(path for path in PAPER if '16-classes' in path)
    head = 'model.segmentor.decode_head.num_classes'
    with pytest.raises(UserError, match=f'{head} is 19, but .*auxiliary_head.num_classes is 16'):
        load_config(path, {head: 19})
    with pytest.raises(UserError, match=f'{head} is 19, but the .* of val_data.*set is 2: give'):
        load_config(SMALL[0], {'val_dataloader.dataset.metainfo': dict(classes=['road', 'sky'])})

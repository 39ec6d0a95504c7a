"""Phases follow from the iteration, through interruptions at any place."""

from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmseg_gl.apis import load_config
from mmseg_gl.engine import TwoPhaseHook
from mmseg_gl.errors import UserError

ROOT = Path(__file__).parents[2]
CONFIG = str(ROOT / 'configs/adaptsegnet/adaptsegnet-gl_deeplabv2-tiny_street-scenes.py')
ITERATIONS, BEGIN = 24, 12


class Recorder(Hook):
    """Notes what each iteration did."""

    priority = 'LOWEST'

    def __init__(self):
        self.records = {}

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.lr = {name: lr for name, lr in runner.optim_wrapper.get_lr().items()}

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        losses = {name: value.item() for name, value in outputs.items()}
        self.records[runner.iter] = (runner.model.active_heads, self.lr, losses)


def settings(options, work_dir, **changes):
    cfg = load_config(CONFIG, options)
    cfg.merge_from_dict(
        {
            'work_dir': str(work_dir),
            'train_cfg.max_iters': ITERATIONS,
            'train_cfg.val_interval': 1000,
            'default_hooks.checkpoint.interval': 1,
            'default_hooks.checkpoint.max_keep_ckpts': -1,
            'default_hooks.checkpoint.save_best': None,
            'model.segmentor.backbone.base_channels': 4,
            'model.segmentor.backbone.norm_cfg.num_groups': 4,
            'model.segmentor.decode_head.in_channels': 32,
            'model.segmentor.auxiliary_head.in_channels': 16,
            'model.local_head.num_points': 64,
            'custom_hooks.0.begin': 0.5,
            **changes,
        }
    )
    cfg.val_dataloader = cfg.val_evaluator = cfg.val_cfg = None
    return cfg


def train(cfg, name):
    cfg.experiment_name = name
    runner = Runner.from_cfg(cfg)
    recorder = Recorder()
    runner.register_hook(recorder)
    runner.train()
    return recorder.records, runner


@pytest.fixture
def options(street_scenes, data_options):
    pairs = dict(option.split('=') for option in data_options(street_scenes))
    return {key: value for key, value in pairs.items() if key.startswith('train')}


def test_resuming_at_any_iteration_changes_nothing(options, tmp_path):
    schedule = [
        dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=BEGIN + 1, by_epoch=False),
        dict(type='PolyLR', power=0.9, eta_min=0.0, begin=BEGIN, end=25, by_epoch=False),
    ]
    changes = {
        'custom_hooks.0.restart_lr': dict(segmentor=0.5, global_head=0.5, local_head=1.0),
        'param_scheduler': schedule,
    }
    cfg = settings(options, tmp_path, **changes)
    straight, _ = train(cfg, 'straight')
    heads = [straight[i][0] for i in range(ITERATIONS)]
    assert heads == [('global_head',)] * BEGIN + [('global_head', 'local_head')] * BEGIN
    assert straight[BEGIN - 1][1]['segmentor.lr'][0] < 0.005
    assert straight[BEGIN][1]['segmentor.lr'] == [0.01] * len(straight[0][1]['segmentor.lr'])
    assert straight[BEGIN][1]['local_head.lr'][0] == 5e-3
    assert 'loss_d_local_decode' in straight[BEGIN][2]
    assert 'loss_d_local_decode' not in straight[BEGIN - 1][2]

    for stop in range(2, 22):
        cfg = settings(options, tmp_path / f'from_{stop}', **changes)
        cfg.resume, cfg.load_from = True, str(tmp_path / f'iter_{stop}.pth')
        cfg.train_cfg.max_iters = min(stop + 3, ITERATIONS)
        cfg.custom_hooks[0].begin = BEGIN
        resumed, _ = train(cfg, f'resumed_{stop}')
        assert list(resumed) == list(range(stop, cfg.train_cfg.max_iters))
        for i, record in resumed.items():
            assert record == straight[i], (stop, i)


def test_local_phase_alone(options, tmp_path):
    cfg = settings(options, tmp_path, **{'train_cfg.max_iters': 4})
    cfg.custom_hooks[0].update(begin=2, phases=[('global',), ('local',)])
    records, runner = train(cfg, 'local_alone')
    assert [records[i][0] for i in range(4)] == [('global_head',)] * 2 + [('local_head',)] * 2
    assert not any('global' in name for name in records[3][2])
    assert runner.message_hub.get_info('phase') == 2


def test_phase_2_starts_from_the_best_checkpoint(options, street_scenes, data_options, tmp_path):
    cfg = settings(options, tmp_path, **{'train_cfg.max_iters': 8})
    everything = dict(option.split('=') for option in data_options(street_scenes))
    whole = load_config(CONFIG, everything)
    for key in ('val_dataloader', 'val_evaluator', 'val_cfg'):
        cfg[key] = whole[key]
    cfg.train_cfg.val_interval = 2
    cfg.default_hooks.checkpoint.save_best = 'mIoU'
    cfg.custom_hooks[0].update(begin=6, load_best=True, phases=[('global',), ('local',)])

    class Weights(Hook):
        priority = 'VERY_LOW'

        def before_train_iter(self, runner, batch_idx, data_batch=None):
            if runner.iter == 6:
                best = torch.load(runner.message_hub.get_info('best_ckpt'), weights_only=False)
                self.same = all(
                    torch.equal(value, best['state_dict'][name])
                    for name, value in runner.model.state_dict().items()
                )
                self.fresh = not any(w.optimizer.state for _, w in runner.optim_wrapper.items())

    cfg.experiment_name = 'load_best'
    runner = Runner.from_cfg(cfg)
    weights = Weights()
    runner.register_hook(weights)
    runner.train()
    assert weights.same and weights.fresh

    cfg = settings(options, tmp_path / 'none', **{'train_cfg.max_iters': 4})
    cfg.custom_hooks[0].update(begin=2, load_best=True)
    with pytest.raises(UserError, match='has saved no best checkpoint'):
        train(cfg, 'no_best')


def test_heads_that_do_not_exist_are_said(options, tmp_path):
    cfg = settings(options, tmp_path)
    cfg.model.local_head = None
    with pytest.raises(UserError, match='has no local_head'):
        train(cfg, 'no_local_head')
    cfg = settings(options, tmp_path)
    cfg.custom_hooks[0].phases = [('global',), ('lokal',)]
    with pytest.raises(UserError, match='names the head "lokal"; known: global, local'):
        train(cfg, 'typo')


@pytest.mark.parametrize('begin', [1.5, -1, 'half', None])
def test_begin_is_an_iteration_or_a_share(begin):
    with pytest.raises(UserError, match='begin=.*expected an iteration'):
        TwoPhaseHook(begin=begin, phases=[('global',), ('global', 'local')])

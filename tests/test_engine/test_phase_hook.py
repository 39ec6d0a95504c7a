"""Phases follow from the iteration, through interruptions at any place."""

from pathlib import Path

import pytest
from mmengine.hooks import Hook

from mmseg_gl.config.load import load_config
from mmseg_gl.engine.hooks import PhaseHook, TwoPhaseHook
from mmseg_gl.engine.safe_runner import SafeRunner
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
        self.records[runner.iter] = (sorted(runner.model.active), self.lr, losses)


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
            'model.heads.local_head.num_points': 64,
            'custom_hooks.0.begin': 0.5,
            **changes,
        }
    )
    cfg.val_dataloader = cfg.val_evaluator = cfg.val_cfg = None
    return cfg


def train(cfg, name):
    cfg.experiment_name = name
    runner = SafeRunner.from_cfg(cfg)
    recorder = Recorder()
    runner.register_hook(recorder)
    runner.train()
    return recorder.records, runner


@pytest.fixture
def options(street_scenes, data_options):
    pairs = dict(option.split('=') for option in data_options(street_scenes))
    return {key: value for key, value in pairs.items() if key.startswith('train')}


@pytest.mark.slow
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
    assert heads == [['global_head']] * BEGIN + [['global_head', 'local_head']] * BEGIN
    assert straight[BEGIN - 1][1]['segmentor.lr'][0] < 0.005
    assert straight[BEGIN][1]['segmentor.lr'] == [0.01] * len(straight[0][1]['segmentor.lr'])
    assert straight[BEGIN][1]['local_head.lr'][0] == 5e-3
    assert 'loss_d_local_decode' in straight[BEGIN][2]
    assert 'loss_d_local_decode' not in straight[BEGIN - 1][2]

    for stop in (2, 7, BEGIN - 1, BEGIN, BEGIN + 1, 21):
        cfg = settings(options, tmp_path / f'from_{stop}', **changes)
        cfg.resume, cfg.load_from = True, str(tmp_path / f'iter_{stop}.pth')
        cfg.train_cfg.max_iters = min(stop + 3, ITERATIONS)
        resumed, _ = train(cfg, f'resumed_{stop}')
        assert list(resumed) == list(range(stop, cfg.train_cfg.max_iters))
        for i, record in resumed.items():
            assert record == straight[i], (stop, i)


def test_local_phase_alone(options, tmp_path):
    cfg = settings(options, tmp_path, **{'train_cfg.max_iters': 4})
    cfg.custom_hooks[0].update(
        begin=2, phases=[('global',), ('local_head',)]
    )  # `_head` may be left out
    records, runner = train(cfg, 'local_alone')
    assert [records[i][0] for i in range(4)] == [['global_head']] * 2 + [['local_head']] * 2
    assert not any('global' in name for name in records[3][2])
    assert runner.message_hub.get_info('phase') == 2


def test_several_phases_over_heads_losses_and_views(options, tmp_path):
    cfg = settings(options, tmp_path, **{'train_cfg.max_iters': 8})
    cfg.model.teacher = dict(type='EMATeacher')
    cfg.model.views = dict(mix=dict(type='ClassMix'), masked=dict(type='MaskedImages'))
    cfg.model.target_losses = dict(
        entropy=dict(type='EntropyLoss', loss_weights=dict(decode=0.1)),
    )
    phases = [
        dict(begin=0, active=['local_head']),
        dict(begin=0.25, active=['mix', 'entropy']),
        dict(begin=4, active=['global_head', 'masked'], restart_lr=0.5),
        dict(begin=6, active=[]),
    ]
    cfg.custom_hooks = [dict(type='PhaseHook', phases=phases)]
    records, _ = train(cfg, 'several')
    assert [records[i][0] for i in range(8)] == [
        *[['local_head']] * 2,
        *[['entropy', 'mix']] * 2,
        *[['global_head', 'masked']] * 2,
        *[[]] * 2,
    ]
    losses = [{name.split('_', 1)[1] for name in records[i][2] if 'decode' in name} for i in (3, 7)]
    assert losses == [{'seg_decode', 'entropy_decode', 'mix_decode'}, {'seg_decode'}]
    assert records[4][1]['segmentor.lr'][0] == 0.01


def test_heads_that_do_not_exist_are_said(options, tmp_path):
    cfg = settings(options, tmp_path)
    del cfg.model.heads.local_head
    del cfg.optim_wrapper.local_head
    with pytest.raises(UserError, match='"local_head".*global_head'):
        train(cfg, 'no_local_head')
    cfg = settings(options, tmp_path)
    cfg.custom_hooks[0].phases = [('global',), ('lokal',)]
    with pytest.raises(UserError, match='"lokal", .* global_head, local_head'):
        train(cfg, 'typo')
    cfg = settings(options, tmp_path)
    cfg.custom_hooks[0].restart_lr = dict(segmenter=0.5)
    with pytest.raises(UserError, match='"segmenter", .* segmentor, global_head, local_head'):
        train(cfg, 'typo_of_restart')


@pytest.mark.parametrize('begin', [1.5, -1, 'half', None])
def test_begin_is_an_iteration_or_a_share(begin):
    with pytest.raises(UserError, match='begin='):
        TwoPhaseHook(begin=begin, phases=[('global',), ('global', 'local')])


@pytest.mark.parametrize(
    'phases, named',
    [
        ([], 'begin=0'),
        ([dict(begin=3, active=[])], 'begin=0'),
        ([dict(begin=0, active='mix')], "'mix'"),
        ([dict(begin=0, actve=[])], "'actve'"),
        ([dict(begin=0, active=[], restart_lr=0.5)], 'no restart_lr'),
        ([dict(begin=0, active=[]), dict(begin=1, active=[], restart_lr='half')], "'half'"),
    ],
)
def test_phases_of_another_form(phases, named):
    with pytest.raises(UserError, match=named):
        PhaseHook(phases)


def test_heads_without_the_view_that_they_align(options, tmp_path):
    cfg = settings(options, tmp_path)
    cfg.model.teacher = dict(type='EMATeacher')
    cfg.model.update(views=dict(mix=dict(type='ClassMix')), aligned='mix')
    phases = [dict(begin=0, active=['mix']), dict(begin=2, active=['local_head'])]
    cfg.custom_hooks = [dict(type='PhaseHook', phases=phases)]
    with pytest.raises(UserError, match='a phase has .*local_head, but not "mix"'):
        train(cfg, 'aligned')

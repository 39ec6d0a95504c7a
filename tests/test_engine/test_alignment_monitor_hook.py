"""AlignmentMonitorHook: what it says of healthy and of dead runs, and a loss that is not finite."""

import logging
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MessageHub
from mmseg.datasets import CityscapesDataset

from mmseg_gl.engine import AlignmentMonitorHook
from mmseg_gl.engine.hooks import alignment_monitor_hook
from mmseg_gl.errors import UserError
from mmseg_gl.models import GlobalDiscriminatorHead, LocalDiscriminatorHead, UDASegmentor
from mmseg_gl.weights.files import read_checkpoint

CONFIG = Path(__file__).parents[2] / (
    'configs/adaptsegnet/adaptsegnet_deeplabv2-tiny_street-scenes.py'
)
HEALTHY = dict(loss_d=0.4, right=(0.8, 0.7), entropy=0.1, shares=[0.2] * 5)


@pytest.fixture
def watch(monkeypatch):
    """Show a hook iterations of given figures; returns the warnings: (iteration, sentence)."""

    def watch(hook, hub, iterations, head='global', gan='bce', **figures):
        figures = {**HEALTHY, **figures}
        kind = dict(global_head=GlobalDiscriminatorHead, local_head=LocalDiscriminatorHead)
        part = kind[f'{head}_head'](19, dict(decode=1e-3), channels=(2,), gan=gan)
        model = SimpleNamespace(parts=lambda kind: {f'{head}_head': part}, uses_target=lambda: True)
        shares = torch.tensor(figures['shares'])
        monkeypatch.setattr(alignment_monitor_hook, 'predicted_shares', lambda *_: shares)
        warnings, logged = [], []
        metainfo = dict(classes=CityscapesDataset.METAINFO['classes'][: len(shares)])
        runner = SimpleNamespace(
            model=model,
            message_hub=hub,
            hooks=[],
            logger=SimpleNamespace(warning=lambda text: warnings.append((runner.iter, text))),
            visualizer=SimpleNamespace(add_scalars=lambda scalars, step: logged.append(step)),
            train_dataloader=SimpleNamespace(dataset=SimpleNamespace(metainfo=metainfo)),
        )
        hook.before_train(runner)
        outputs = {
            f'loss_d_{head}_decode': figures['loss_d'],
            f'acc_d_source_{head}_decode': figures['right'][0],
            f'acc_d_target_{head}_decode': figures['right'][1],
            'entropy_target': figures['entropy'],
        }
        data = dict(target=dict(inputs=None))
        for runner.iter in iterations:
            for name, value in outputs.items():
                hub.update_scalar(f'train/{name}', value)
            hook.after_train_iter(runner, runner.iter, data, outputs)
        assert logged == [i + 1 for i in iterations if (i + 1) % hook.interval == 0]
        return warnings

    return watch


@pytest.fixture
def hub():
    return MessageHub('monitor')


def monitor(**options):
    return AlignmentMonitorHook(**{'window': 20, 'interval': 2, 'pause': 1000, **options})


@pytest.mark.parametrize(
    'head, gan, loss', [('global', 'bce', 0.3), ('global', 'lsgan', 0.1), ('local', 'bce', 0.6920)]
)
def test_nothing_is_said_of_a_healthy_run(watch, hub, head, gan, loss):
    assert watch(monitor(), hub, range(100), head=head, gan=gan, loss_d=loss) == []


@pytest.mark.parametrize(
    'figures, words',
    [
        (dict(loss_d=0.01, right=(1, 0.99)), 'global_decode has won: loss_d_global_decode aver'),
        (dict(loss_d=0.01, gan='lsgan'), 'has won'),
        (dict(loss_d=0.69, right=(1, 0)), 'global_decode is blind.*100% of its decisions on the '),
        (dict(loss_d=0.25, gan='lsgan'), 'is blind'),
        (dict(loss_d=math.log(2), head='local'), 'local_decode is blind'),
        (dict(loss_d=0.9), 'is blind'),
        (
            dict(shares=[0.9, 0.099, 0.0009, 0.0001, *[0] * 15]),
            r'only 2.0 classes .*now: road 90.0%, sidewa',
        ),
        (dict(entropy=0.001), 'collapse: entropy_target averages 0.001 '),
    ],
)
def test_a_dead_run_is_said_once_and_again_after_a_pause(watch, hub, figures, words):
    warnings = watch(monitor(), hub, range(1100), **figures)
    assert [i for i, _ in warnings] == [19, 1019]
    for _, text in warnings:
        assert text.startswith('Alignment: ') and 'ry ' in text
        assert re.search(words, text), text


@pytest.mark.parametrize(
    'present, classes, dead', [(4, 19, False), (3, 19, True), (2, 5, False), (1, 5, True)]
)
def test_a_fifth_of_the_classes_and_at_least_two_must_occur(watch, hub, present, classes, dead):
    shares = [1 / present] * present + [0] * (classes - present)
    warnings = watch(monitor(), hub, range(50), shares=shares)
    assert [f'only {present}.0 classes' in text for _, text in warnings] == [True] * dead


def test_one_broken_iteration_is_not_a_dead_run(watch, hub):
    hook = monitor()
    assert watch(hook, hub, range(50)) == []
    assert watch(hook, hub, range(50, 51), loss_d=0.0, entropy=0.0, shares=[1.0]) == []


def test_averages_resume(watch, hub):
    """The verdict comes when it would have come without the interruption."""
    watch(monitor(), hub, range(15), loss_d=0.01)
    saved, resumed = hub.state_dict(), MessageHub('monitor_resumed')
    resumed.load_state_dict(saved)
    assert [i for i, _ in watch(monitor(), resumed, range(15, 40), loss_d=0.01)] == [19]


def test_an_unknown_answer_is_refused():
    with pytest.raises(UserError, match="on_nonfinite='go_on' is unknown; choose from stop, skip"):
        monitor(on_nonfinite='go_on')


@pytest.fixture
def train(run, data_options, street_scenes, tmp_path, monkeypatch):
    """Train for six iterations; in those of ``broken`` the source images are not finite."""

    def train(*options, broken=()):
        original, count = UDASegmentor.preprocess, []

        def preprocess(self, data):
            batches = original(self, data)
            if len(count) in broken:
                batches['source'].images[:] = math.nan
            count.append(None)
            return batches

        monkeypatch.setattr(UDASegmentor, 'preprocess', preprocess)
        always = ['train_cfg.max_iters=6', 'train_cfg.val_interval=100']
        always += ['default_hooks.checkpoint.interval=100', 'default_hooks.logger.interval=2']
        arguments = [*data_options(street_scenes), *always, *options]
        return run('train', CONFIG, '--work-dir', tmp_path / 'work', '--cfg-options', *arguments)

    return train


def weights_of(path):
    return read_checkpoint(path)['state_dict']


def test_healthy_run_logs_what_it_predicts(train, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        assert train().code == 0
    assert 'Alignment: ' not in caplog.text
    records = next((tmp_path / 'work').glob('*/vis_data/scalars.json')).read_text()
    assert records.count('"target_share/road"') == 3 and '"classes_target"' in records
    assert '"acc_d_source_global_auxiliary"' in records


def test_training_stops_with_the_last_finite_weights(train, tmp_path):
    error = train(broken=[3]).error
    work_dir = tmp_path / 'work'
    assert 'diverged at iteration 3 (loss_seg_decode nan' in error
    assert f'the last finite weights are in {work_dir}/last_good_iter_3.pth' in error
    kept = read_checkpoint(work_dir / 'last_good_iter_3.pth')
    assert kept['meta']['iter'] == 3 and set(kept['optimizer']) == {'segmentor', 'global_head'}
    assert all(torch.isfinite(value.float()).all() for value in kept['state_dict'].values())

    # They are those of a run that ends there.
    for path in work_dir.glob('*.pth'):
        path.rename(tmp_path / path.name)
    assert train('train_cfg.max_iters=3').code == 0
    for name, value in weights_of(work_dir / 'iter_3.pth').items():
        assert torch.equal(kept['state_dict'][name], value), name


def test_steps_are_skipped_on_demand(train, tmp_path):
    skip = 'default_hooks.alignment_monitor.on_nonfinite=skip'
    assert train(skip, broken=[1, 4]).code == 0
    text = next((tmp_path / 'work').glob('*/*.log')).read_text()
    assert text.count('is skipped: a loss is not finite (loss_seg_decode nan') == 2
    assert 'Iteration 4 is skipped' in text and 'GTA5/images/0000' in text
    assert 'Skipped so far: 2, in a row: 1.' in text
    state = read_checkpoint(tmp_path / 'work/iter_6.pth')
    assert all(torch.isfinite(value.float()).all() for value in state['state_dict'].values())
    assert state['optimizer']['global_head']['state'][0]['step'] == 4


def test_skipping_has_an_end(train, tmp_path):
    options = ['on_nonfinite=skip', 'max_skips=3']
    options = [f'default_hooks.alignment_monitor.{option}' for option in options]
    error = train(*options, broken=range(1, 6)).error
    assert 'diverged at iteration 3 ' in error and '3 steps in a row were skipped' in error
    assert (tmp_path / 'work/last_good_iter_3.pth').exists()


def test_broken_weights_are_not_kept(train, tmp_path, monkeypatch):
    original = AlignmentMonitorHook.after_train_iter

    def break_weights(self, runner, *arguments, **keywords):
        original(self, runner, *arguments, **keywords)
        if runner.iter == 2:
            next(runner.model.parameters()).data.fill_(math.inf)

    monkeypatch.setattr(AlignmentMonitorHook, 'after_train_iter', break_weights)
    error = train().error
    assert 'at iteration 3 ' in error and 'the weights themselves are not finite any more' in error
    assert not list((tmp_path / 'work').glob('*.pth'))


@pytest.mark.slow
def test_no_process_steps_where_one_loss_of_one_process_is_not_finite(tmp_path):
    script = tmp_path / 'script.py'
    script.write_text("""
import torch
from mmengine.dist import get_rank

from mmseg_gl.models.step import update

torch.distributed.init_process_group('gloo')
for value, expected in ((float('nan'), False), (1.0, True)):
    loss = torch.tensor(value if get_rank() else 1.0)
    assert update([], dict(loss_seg=loss), skip_nonfinite=True) is expected
torch.distributed.destroy_process_group()
""")
    command = [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node=2']
    outcome = subprocess.run(
        [*command, str(script)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
    )
    assert outcome.returncode == 0, outcome.stderr

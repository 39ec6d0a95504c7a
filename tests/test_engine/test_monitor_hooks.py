"""AlignmentMonitorHook and TargetMonitorHook: what they say of healthy and of dead runs."""

import logging
import math
import re
from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MessageHub
from mmseg.datasets import CityscapesDataset

from mmseg_gl.engine.hooks import AlignmentMonitorHook, TargetMonitorHook, target_monitor_hook
from mmseg_gl.models import GlobalDiscriminatorHead, LocalDiscriminatorHead

HEALTHY = dict(loss_d=0.4, right=(0.8, 0.7), entropy=0.1, shares=[0.2] * 5)


@pytest.fixture
def watch(monkeypatch):
    """Show the hooks iterations of given figures; returns the warnings: (iteration, sentence)."""

    def watch(hub, iterations, head='global', gan='bce', **figures):
        figures = {**HEALTHY, **figures}
        kind = dict(global_head=GlobalDiscriminatorHead, local_head=LocalDiscriminatorHead)
        part = kind[f'{head}_head'](19, dict(decode=1e-3), channels=(2,), gan=gan)
        shares = torch.tensor(figures['shares'])
        monkeypatch.setattr(target_monitor_hook, 'predicted_shares', lambda *_: shares)
        warnings, logged = [], []
        metainfo = dict(classes=CityscapesDataset.METAINFO['classes'][: len(shares)])
        runner = SimpleNamespace(
            model=SimpleNamespace(
                parts=lambda kind: {f'{head}_head': part}, uses_target=lambda: True
            ),
            message_hub=hub,
            logger=SimpleNamespace(warning=lambda text: warnings.append((runner.iter, text))),
            visualizer=SimpleNamespace(add_scalars=lambda scalars, step: logged.append(step)),
            train_dataloader=SimpleNamespace(dataset=SimpleNamespace(metainfo=metainfo)),
        )
        outputs = {
            f'loss_d_{head}_decode': figures['loss_d'],
            f'acc_d_source_{head}_decode': figures['right'][0],
            f'acc_d_target_{head}_decode': figures['right'][1],
            'entropy_target': figures['entropy'],
        }
        hooks = [
            AlignmentMonitorHook(window=20, pause=1000),
            TargetMonitorHook(window=20, pause=1000, interval=2),
        ]
        for runner.iter in iterations:
            for name, value in outputs.items():
                hub.update_scalar(f'train/{name}', value)
            for hook in hooks:
                hook.after_train_iter(runner, runner.iter, dict(target=dict(inputs=None)), outputs)
        assert logged == [i + 1 for i in iterations if (i + 1) % 2 == 0]
        return warnings

    return watch


@pytest.fixture
def hub():
    return MessageHub('monitor')


@pytest.mark.parametrize(
    'head, gan, loss', [('global', 'bce', 0.3), ('global', 'lsgan', 0.1), ('local', 'bce', 0.6920)]
)
def test_nothing_is_said_of_a_healthy_run(watch, hub, head, gan, loss):
    assert watch(hub, range(100), head=head, gan=gan, loss_d=loss) == []


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
    warnings = watch(hub, range(1100), **figures)
    assert [i for i, _ in warnings] == [19, 1019]
    for _, text in warnings:
        assert text.startswith('Alignment: ') and 'ry ' in text
        assert re.search(words, text), text


@pytest.mark.parametrize(
    'present, classes, dead', [(4, 19, False), (3, 19, True), (2, 5, False), (1, 5, True)]
)
def test_a_fifth_of_the_classes_and_at_least_two_must_occur(watch, hub, present, classes, dead):
    shares = [1 / present] * present + [0] * (classes - present)
    warnings = watch(hub, range(50), shares=shares)
    assert [f'only {present}.0 classes' in text for _, text in warnings] == [True] * dead


def test_the_last_iterations_count_alone(watch, hub):
    watch(hub, range(50))
    warnings = watch(hub, range(50, 100), loss_d=0.01)
    assert [i for i, _ in warnings] == [66]  # (3 * 0.4 + 17 * 0.01) / 20 < 0.1 * log(2)


def test_averages_resume(watch, hub):
    """The verdict comes when it would have come without the interruption."""
    watch(hub, range(15), loss_d=0.01)
    saved, resumed = hub.state_dict(), MessageHub('monitor_resumed')
    resumed.load_state_dict(saved)
    assert [i for i, _ in watch(resumed, range(15, 40), loss_d=0.01)] == [19]


def test_healthy_run_logs_what_it_predicts(train, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        train(tmp_path, **{'train_cfg.max_iters': 4, 'default_hooks.logger.interval': 2})
    assert 'Alignment: ' not in caplog.text
    records = next(tmp_path.glob('*/vis_data/scalars.json')).read_text()
    assert records.count('"target_share/road"') == 2 and '"classes_target"' in records
    assert '"acc_d_source_global_auxiliary"' in records

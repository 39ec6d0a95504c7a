"""A run that was stopped anywhere and resumed ends as one that was never stopped, bit for bit."""

import random
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import MessageHub, MMLogger
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from mmseg.visualization import SegLocalVisualizer

from mmseg_gl.apis import load_config

sys.path.append(str(Path(__file__).parents[1]))
from run_states import assert_same_run, state_of  # noqa: E402

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / 'configs/adaptsegnet/adaptsegnet-gl_deeplabv2-tiny_street-scenes.py'
CYCLE_GAN = ROOT / 'configs/bdl/cyclegan_deeplabv2-tiny_street-scenes.py'
CRASH = 'a crash'


@HOOKS.register_module()
class DrawHook(Hook):
    """Lets training depend on every global generator, as dropout does on PyTorch's."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        runner.message_hub.update_scalar('train/python', random.random())
        runner.message_hub.update_scalar('train/numpy', np.random.rand())
        with torch.no_grad():
            for parameter in runner.model.segmentor.decode_head.parameters():
                parameter += 1e-3 * torch.randn(parameter.shape)


@HOOKS.register_module()
class CrashHook(Hook):
    """Raises an error at a place: before an iteration, after it, or in a validation."""

    priority = 'LOWEST'  # after what saves

    def __init__(self, place, iteration):
        self.place, self.iteration = place, iteration

    def crash(self, runner, place):
        if (place, runner.iter) == (self.place, self.iteration):
            raise RuntimeError(CRASH)

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.crash(runner, 'before')

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.crash(runner, 'after')

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.crash(runner, 'validation')

    def after_val_epoch(self, runner, metrics=None):
        self.crash(runner, 'validated')


@pytest.fixture
def train(street_scenes, data_options, monkeypatch):
    """The function that trains 8 iterations, to the end or to a crash: (work_dir, ...) -> None.

    Phase 2 begins at iteration 5; it validates every 4 iterations and saves every 2.
    """

    monkeypatch.setattr(Config, 'pretty_text', property(repr))  # formatting takes half the time

    def train(work_dir, crash=None, max_iters=8, resume=False, **options):
        cfg = load_config(CONFIG, dict(o.split('=') for o in data_options(street_scenes)))
        hooks = [*cfg.custom_hooks, dict(type='DrawHook')]
        cfg.merge_from_dict(
            {
                'work_dir': str(work_dir),
                'train_cfg.max_iters': max_iters,
                'train_cfg.val_interval': 4,
                'default_hooks.checkpoint.interval': 2,
                'default_hooks.logger.interval': 1,
                'val_dataloader.dataset.pipeline.1.scale': (64, 32),
                'train_dataloader.num_workers': 0,
                'train_dataloader.persistent_workers': False,
                'resume': resume,
                **options,
            }
        )
        next(hook for hook in hooks if hook['type'] == 'TwoPhaseHook').begin = 5
        if crash:
            hooks.append(dict(type='CrashHook', place=crash[0], iteration=crash[1]))
        cfg.custom_hooks = hooks
        for named_globals in (MMLogger, MessageHub, SegLocalVisualizer):
            named_globals._instance_dict.clear()
        Runner.from_cfg(cfg).train()

    return train


CRASHES = [
    ('after', 0),  # before the first checkpoint
    ('after', 3),  # saved, not validated
    ('validation', 4),
    ('validated', 4),
    ('before', 5),  # about to switch to phase 2
    ('validation', 8),  # the very last thing
]


def test_run_that_crashes_everywhere_equals_the_straight_one(train, tmp_path):
    straight, crashed = tmp_path / 'straight', tmp_path / 'crashed'
    train(straight)
    for crash in CRASHES:
        with pytest.raises(RuntimeError, match=CRASH):
            train(crashed, crash, resume=True)
    train(crashed, resume=True)
    assert_same_run(straight, crashed)
    state = state_of(crashed / 'iter_8.pth')
    assert state['message_hub']['runtime_info']['phase'] == 2
    assert state['optimizer']['local_head']['state'][0]['step'] == 3

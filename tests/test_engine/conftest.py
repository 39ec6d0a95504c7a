"""What the tests of resuming and of checkpoints share: a tiny run that something happens to."""

import multiprocessing
import os
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.logging import MessageHub, MMLogger
from mmseg.registry import HOOKS
from mmseg.visualization import SegLocalVisualizer

from mmseg_gl.config.load import load_config
from mmseg_gl.engine.safe_runner import SafeRunner

CONFIG = (
    Path(__file__).parents[2] / 'configs/adaptsegnet/adaptsegnet-gl_deeplabv2-tiny_street-scenes.py'
)
CRASH = 'a crash'


@HOOKS.register_module(force=True)
class DrawHook(Hook):
    """Lets training depend on every global generator, as dropout does on PyTorch's."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        runner.message_hub.update_scalar('train/python', random.random())
        runner.message_hub.update_scalar('train/numpy', np.random.rand())
        with torch.no_grad():
            for parameter in runner.model.segmentor.decode_head.parameters():
                parameter += 1e-3 * torch.randn(parameter.shape)


@HOOKS.register_module(force=True)
class FateHook(Hook):
    """Crashes, or sends its process signals, at a place in the run.

    Args:
        place (str): 'before' or 'after' an iteration, in a 'validation' or when it is 'validated';
            'worker': after it, but the signals are for the data workers.
        iteration (int): ``runner.iter`` there.
        signals (Sequence[int]): The signals; none is a crash.
    """

    def __init__(self, place, iteration, signals=()):
        self.place, self.iteration, self.signals = place, iteration, signals
        # After what saves; but a signal is answered by what saves.
        self.priority = 'HIGHEST' if signals else 'LOWEST'

    def come(self, runner, place):
        if (place, runner.iter) == (self.place, self.iteration):
            if not self.signals:
                raise RuntimeError(CRASH)
            workers = [child.pid for child in multiprocessing.active_children()]
            for number in self.signals:
                for process in workers if place == 'worker' else [os.getpid()]:
                    os.kill(process, number)

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.come(runner, 'before')

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.come(runner, 'after')
        self.come(runner, 'worker')

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.come(runner, 'validation')

    def after_val_epoch(self, runner, metrics=None):
        self.come(runner, 'validated')


@pytest.fixture
def train(street_scenes, data_options):
    """The function that trains 8 iterations, unless its fate comes first; returns the runner.

    Phase 2 begins at iteration 5; it validates every 4 iterations and saves every 2.
    """

    def train(work_dir, *fate, resume=False, **options):
        cfg = load_config(CONFIG, dict(o.split('=') for o in data_options(street_scenes)))
        cfg.merge_from_dict(
            {
                'work_dir': str(work_dir),
                'train_cfg.max_iters': 8,
                'train_cfg.val_interval': 4,
                'default_hooks.checkpoint.interval': 2,
                'default_hooks.logger.interval': 1,
                'val_dataloader.dataset.pipeline.1.scale': (64, 32),
                'resume': resume,
                **options,
            }
        )
        hooks = [*cfg.custom_hooks, dict(type='DrawHook')]
        next(hook for hook in hooks if hook['type'] == 'TwoPhaseHook').begin = 5
        if fate:
            hooks.append(dict(zip(('type', 'place', 'iteration', 'signals'), ('FateHook', *fate))))
        cfg.custom_hooks = hooks
        for named_globals in (MMLogger, MessageHub, SegLocalVisualizer):
            named_globals._instance_dict.clear()
        runner = SafeRunner.from_cfg(cfg)
        runner.train()
        return runner

    return train


@pytest.fixture
def crash(train):
    """The function that trains until a crash: (work_dir, place, iteration)."""

    def crash(*arguments, **options):
        with pytest.raises(RuntimeError, match=CRASH):
            train(*arguments, **options)

    return crash

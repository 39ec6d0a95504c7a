"""TensorBoard and Weights & Biases beside the own logs of a run."""

import importlib.util
import json

import pytest

from mmseg_gl.config.backends import WANDB_RECORD, wandb_id
from mmseg_gl.errors import UserError
from mmseg_gl.experiments.scalars import curve, read_scalars

CONFIG = 'configs/adaptsegnet/adaptsegnet_deeplabv2-tiny_street-scenes.py'


def test_a_resumed_run_is_one_run_in_tensorboard(run, street_scenes, data_options, tmp_path):
    accumulator = pytest.importorskip('tensorboard.backend.event_processing.event_accumulator')
    options = [
        *('train_cfg.max_iters=3', 'train_cfg.val_interval=3', 'default_hooks.logger.interval=1'),
        *('default_hooks.checkpoint.interval=2', *data_options(street_scenes)),
    ]
    arguments = [CONFIG, '--work-dir', tmp_path, '--tensorboard', '--cfg-options', *options]
    assert run('train', *arguments).code == 0
    (tmp_path / 'iter_3.pth').unlink()
    (tmp_path / 'last_checkpoint').unlink()
    assert run('train', *arguments[:3], '--resume', *arguments[3:]).code == 0

    events = accumulator.EventAccumulator(str(tmp_path / 'tensorboard'))
    events.Reload()
    logged = read_scalars(tmp_path)
    names = {
        'loss/seg_decode': 'loss_seg_decode',
        'discriminator/acc_source_global_decode': 'acc_d_source_global_decode',
        'target/entropy': 'entropy_target',
        'IoU/road': 'IoU.road',
        'mIoU': 'mIoU',
    }
    for tag, name in names.items():
        shown = [(event.step, event.value) for event in events.Scalars(tag)]
        assert shown == [(s, pytest.approx(value)) for s, value in curve(logged, name).items()]
    assert [event.step for event in events.Scalars('loss/seg_decode')] == [1, 2, 3]


def test_a_resumed_run_keeps_its_id_at_wandb(tmp_path):
    first = wandb_id(str(tmp_path), resumed=False)
    assert wandb_id(str(tmp_path), resumed=True) == first
    assert wandb_id(str(tmp_path), resumed=False) != first
    (tmp_path / WANDB_RECORD).write_text(json.dumps([1]))
    with pytest.raises(UserError, match=WANDB_RECORD):
        wandb_id(str(tmp_path), resumed=True)


@pytest.mark.parametrize('package', ['tensorboard', 'wandb'])
def test_a_missing_package(package, run, street_scenes, data_options, tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        'mmseg_gl.errors.find_spec', lambda name: None if name == package else find(name)
    )
    options = ['--work-dir', tmp_path / 'work', '--cfg-options', *data_options(street_scenes)]
    assert f'mmseg-gl[{package}]' in run('train', CONFIG, f'--{package}', *options).error
    assert not (tmp_path / 'work').exists()

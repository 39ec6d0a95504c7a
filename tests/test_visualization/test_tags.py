"""Tags of what a run logs, and the backends that write them."""

import sys
from types import SimpleNamespace

import pytest

from mmseg_gl.visualization import GroupedWandbVisBackend
from mmseg_gl.visualization.tags import tag, tagged

TAGS = {
    'loss_seg_decode': 'loss/seg_decode',
    'loss_adv_local_decode': 'loss/adv_local_decode',
    'loss_d_local_decode': 'discriminator/loss_local_decode',
    'acc_d_source_local_decode': 'discriminator/acc_source_local_decode',
    'entropy_target': 'target/entropy',
    'classes_target': 'target/classes',
    'IoU.traffic light': 'IoU/traffic light',
    'segmentor.lr': 'lr/segmentor',
    'memory': 'speed/memory',
    'mIoU': 'mIoU',
    'mIoU16': 'mIoU16',
    'score/SND': 'score/SND',
    'target_share/road': 'target_share/road',
}


@pytest.mark.parametrize('name', TAGS)
def test_tag(name):
    assert tag(name) == TAGS[name]
    assert tag(TAGS[name]) == TAGS[name]


def test_times_of_validations_are_apart():
    assert tagged(dict(time=1, loss_a=2, iter=5)) == {'speed/time': 1, 'loss/a': 2}
    assert tagged(dict(time=1, mIoU=2)) == {'speed/validation_time': 1, 'mIoU': 2}


def test_wandb_shows_everything_over_the_iterations(monkeypatch, tmp_path):
    logged, metrics = [], []
    wandb = SimpleNamespace(
        init=lambda **arguments: logged.append(arguments),
        define_metric=lambda **arguments: metrics.append(arguments),
        log=logged.append,
    )
    monkeypatch.setitem(sys.modules, 'wandb', wandb)
    backend = GroupedWandbVisBackend(str(tmp_path), dict(id='a'))
    backend.add_scalars(dict(loss_seg_decode=0.5, iter=7), step=7)
    backend.add_scalar('mIoU', 40.0, step=8)
    assert logged[0]['id'] == 'a'
    assert logged[1:] == [{'loss/seg_decode': 0.5, 'iter': 7}, {'mIoU': 40.0, 'iter': 8}]
    assert metrics[-1] == dict(name='*', step_metric='iter')

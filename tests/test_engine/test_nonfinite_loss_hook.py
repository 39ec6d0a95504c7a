"""NonfiniteLossHook: what becomes of a run with a loss that is not finite."""

import math
from pathlib import Path

import pytest
import torch

from mmseg_gl.engine.hooks import NonfiniteLossHook
from mmseg_gl.models import UDASegmentor
from mmseg_gl.models.step import update
from mmseg_gl.weights.files import read_checkpoint

CONFIG = Path(__file__).parents[2] / (
    'configs/adaptsegnet/adaptsegnet_deeplabv2-tiny_street-scenes.py'
)


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
        always += ['default_hooks.checkpoint.interval=100']
        arguments = [*data_options(street_scenes), *always, *options]
        return run('train', CONFIG, '--work-dir', tmp_path / 'work', '--cfg-options', *arguments)

    return train


def test_training_stops_with_the_last_finite_weights(train, tmp_path):
    error = train(broken=[3]).error
    work_dir = tmp_path / 'work'
    assert 'iteration 3 (loss_seg_decode nan' in error
    assert f'{work_dir}/last_good_iter_3.pth' in error
    kept = read_checkpoint(work_dir / 'last_good_iter_3.pth')
    assert kept['meta']['iter'] == 3 and set(kept['optimizer']) == {'segmentor', 'global_head'}
    assert all(torch.isfinite(value.float()).all() for value in kept['state_dict'].values())

    # They are those of a run that ends there.
    for path in work_dir.glob('*.pth'):
        path.rename(tmp_path / path.name)
    assert train('train_cfg.max_iters=3').code == 0
    for name, value in read_checkpoint(work_dir / 'iter_3.pth')['state_dict'].items():
        assert torch.equal(kept['state_dict'][name], value), name


def test_steps_are_skipped_on_demand(train, tmp_path):
    skip = 'default_hooks.nonfinite_loss.action=skip'
    assert train(skip, broken=[1, 4]).code == 0
    text = next((tmp_path / 'work').glob('*/*.log')).read_text()
    assert text.count('is skipped: a loss is not finite (loss_seg_decode nan') == 2
    assert 'Iteration 4 is skipped' in text and 'GTA5/images/0000' in text
    assert 'Skipped so far: 2, in a row: 1.' in text
    state = read_checkpoint(tmp_path / 'work/iter_6.pth')
    assert all(torch.isfinite(value.float()).all() for value in state['state_dict'].values())
    assert state['optimizer']['global_head']['state'][0]['step'] == 4


def test_skipping_has_an_end(train, tmp_path):
    options = ['action=skip', 'max_skips=3']
    options = [f'default_hooks.nonfinite_loss.{option}' for option in options]
    error = train(*options, broken=range(1, 6)).error
    assert 'iteration 3 ' in error and '; 3 steps' in error
    assert (tmp_path / 'work/last_good_iter_3.pth').exists()


def test_broken_weights_are_not_kept(train, tmp_path, monkeypatch):
    original = NonfiniteLossHook.after_train_iter

    def break_weights(self, runner, *arguments, **keywords):
        original(self, runner, *arguments, **keywords)
        if runner.iter == 2:
            next(runner.model.parameters()).data.fill_(math.inf)

    monkeypatch.setattr(NonfiniteLossHook, 'after_train_iter', break_weights)
    error = train().error
    assert 'iteration 3 ' in error and 'last_good' not in error
    assert not list((tmp_path / 'work').glob('*.pth'))


def test_no_process_steps_where_one_loss_of_one_process_is_not_finite(tmp_path):
    def steps(rank, file):
        torch.distributed.init_process_group('gloo', f'file://{file}', rank=rank, world_size=2)
        for value, expected in ((math.nan, False), (1.0, True)):
            loss = torch.tensor(value if rank else 1.0)
            assert update([], dict(loss_seg=loss), skip_nonfinite=True) is expected
        torch.distributed.destroy_process_group()

    torch.multiprocessing.start_processes(
        steps, (tmp_path / 'file',), nprocs=2, start_method='fork'
    )

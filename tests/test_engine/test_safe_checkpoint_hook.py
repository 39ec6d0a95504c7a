"""Checkpoints are whole, plain and never fewer than promised."""

import errno
import os
import shutil
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer
from mmseg.registry import HOOKS

from mmseg_gl import files
from mmseg_gl.engine.checkpoint import newest_whole_checkpoint
from mmseg_gl.engine.hooks import SafeCheckpointHook
from mmseg_gl.engine.plain_values import plain
from mmseg_gl.errors import UserError
from mmseg_gl.weights.files import read_checkpoint
from tests.run_states import state_of


def names(folder, pattern='*'):
    return sorted(path.name for path in folder.glob(pattern) if path.is_file())


def last(folder):
    return Path((folder / 'last_checkpoint').read_text()).name


@HOOKS.register_module(force=True)
class FolderHook(Hook):
    """Notes which files of the work dir go; the newest one must be there by then."""

    def before_train(self, runner):
        self.seen = []
        remove = os.remove

        def watched(path):
            folder = Path(path).parent
            if os.path.exists(path) and folder == Path(runner.work_dir):
                assert (folder / last(folder)).exists() and last(folder) != Path(path).name
                self.seen.append(Path(path).name)
            remove(path)

        self.patch = pytest.MonkeyPatch()
        self.patch.setattr('os.remove', watched)

    def after_train(self, runner):
        self.patch.undo()


@pytest.mark.parametrize('keep', [1, 2])
def test_old_ones_go_after_new_ones_have_come(train, tmp_path, keep):
    options = {
        'default_hooks.checkpoint.max_keep_ckpts': keep,
        'default_hooks.visualization': dict(type='FolderHook'),
        'train_cfg.max_iters': 4,
        'train_cfg.val_interval': 2,
    }
    runner = train(tmp_path, **options)
    removed = next(hook for hook in runner.hooks if isinstance(hook, FolderHook)).seen
    assert ('iter_2.pth' in removed) == (keep == 1)
    assert last(tmp_path) == 'iter_4.pth' and len(names(tmp_path, 'iter_*')) == keep
    best = names(tmp_path, 'best_*')
    info = state_of(tmp_path / 'iter_4.pth')['message_hub']['runtime_info']
    assert best == [info['best_ckpt']] and not names(tmp_path, '*.tmp')


def damage(path, how):
    content = bytearray(path.read_bytes())
    if how == 'bit':
        content[len(content) // 2] ^= 1
    else:
        content = content[: {'truncated': len(content) // 2, 'empty': 0}[how]]
    path.write_bytes(content)


@pytest.mark.parametrize('how', ['bit', 'truncated', 'empty'])
def test_damaged_newest_one_is_reported_and_the_one_before_is_taken(tmp_path, capsys, how):
    for step in (2, 4, 6, 8):
        torch.save(dict(state_dict=dict(w=torch.randn(1000))), tmp_path / f'iter_{step}.pth')
    (tmp_path / 'last_checkpoint').write_text('/elsewhere/iter_6.pth')
    assert newest_whole_checkpoint(tmp_path)[0] == str(tmp_path / 'iter_6.pth')
    damage(tmp_path / 'iter_6.pth', how)
    assert newest_whole_checkpoint(tmp_path)[0] == str(tmp_path / 'iter_4.pth')
    (line,) = capsys.readouterr().err.splitlines()
    assert f'{tmp_path}/iter_6.pth is damaged' in line and f' {tmp_path}/iter_4' in line
    for step in (2, 4):
        damage(tmp_path / f'iter_{step}.pth', how)
    with pytest.raises(UserError, match='--resume CKPT'):
        newest_whole_checkpoint(tmp_path)


@pytest.mark.parametrize('where', ['write', 'fsync'])
def test_full_disk_stops_training_and_keeps_the_last_good_one(train, monkeypatch, tmp_path, where):
    train(tmp_path, **{'train_cfg.max_iters': 2, 'train_cfg.val_interval': 9})
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path, '*.pth')}

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if where == 'fsync':
        monkeypatch.setattr(os, 'fsync', full)
    else:
        monkeypatch.setattr(files, 'open', lambda *_: open('/dev/full', 'wb'), raising=False)
    with pytest.raises(UserError) as error:
        train(tmp_path, resume=True, **{'train_cfg.val_interval': 9})
    assert 'iter_4.pth (No space left on device)' in str(error.value)
    assert '--resume' in str(error.value)
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path, '*.pth')} == before
    assert last(tmp_path) == 'iter_2.pth' and not names(tmp_path, '*.tmp')


def test_work_dir_that_was_copied_leaves_the_original_alone(train, tmp_path):
    train(tmp_path / 'a', **{'train_cfg.max_iters': 4})
    (best,) = names(tmp_path / 'a', 'best_*')
    shutil.copytree(tmp_path / 'a', tmp_path / 'b')
    checkpoint = str(tmp_path / 'b/iter_4.pth')
    runner = train(tmp_path / 'b', resume=True, load_from=checkpoint)
    assert names(tmp_path / 'b', 'best_*') == [runner.message_hub.get_info('best_ckpt')]
    assert names(tmp_path / 'a', '*.pth') == sorted([best, 'iter_2.pth', 'iter_4.pth'])


def test_checkpoints_are_plain(train, tmp_path):
    train(tmp_path, **{'train_cfg.max_iters': 4})
    for name in names(tmp_path, '*.pth'):
        state = torch.load(tmp_path / name, weights_only=True)
        history = state['message_hub']['log_scalars']['train/loss_seg_decode']
        assert history['values'].shape == (state['meta']['iter'],)
    runner = train(tmp_path, resume=True, **{'train_cfg.max_iters': 4})  # has nothing left to do
    history_again = runner.message_hub.get_scalar('train/loss_seg_decode')
    assert isinstance(history_again, HistoryBuffer) and len(history_again.data[0]) == 4
    with pytest.raises(UserError, match=r'message_hub\.thing, a object'):
        plain(dict(thing=object()), 'message_hub')


@HOOKS.register_module(force=True)
class BlowUpHook(Hook):
    """Makes a weight infinite after an iteration, as a step too far does."""

    priority = 'HIGHEST'

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter == 3:
            with torch.no_grad():
                next(runner.model.segmentor.decode_head.parameters()).view(-1)[0] = torch.inf


def test_weights_that_are_not_finite_do_not_take_the_place_of_good_ones(train, tmp_path):
    options = {
        'default_hooks.checkpoint.max_keep_ckpts': 1,
        'default_hooks.visualization': dict(type='BlowUpHook'),
    }
    with pytest.raises(UserError, match='iteration 4 .*load_from'):
        train(tmp_path, **options)
    assert names(tmp_path, '*.pth') == ['iter_2.pth'] and last(tmp_path) == 'iter_2.pth'
    assert newest_whole_checkpoint(tmp_path)[0] == str(tmp_path / 'iter_2.pth')


def test_the_settings_are_formatted_once_for_all_checkpoints(train, monkeypatch, tmp_path):
    def formatted(interval):
        count = 0

        def text(self):
            nonlocal count
            count += 1
            return ''

        monkeypatch.setattr(Config, 'pretty_text', property(text))
        train(tmp_path / str(interval), **{'default_hooks.checkpoint.interval': interval})
        return count

    assert formatted(1) == formatted(4)


def test_another_runner_is_refused_before_anything_is_trained():
    with pytest.raises(UserError, match='SafeRunner'):
        SafeCheckpointHook().before_train(runner=None)


def test_best_is_of_one_metric_and_adds_no_regular_checkpoint(train, tmp_path):
    options = {
        'train_cfg.val_interval': 1,
        'train_cfg.max_iters': 4,
        'default_hooks.checkpoint.interval': 2,
        'default_hooks.checkpoint.max_keep_ckpts': -1,
    }
    train(tmp_path, **options)
    assert names(tmp_path, 'iter_*') == ['iter_2.pth', 'iter_4.pth']
    (best,) = names(tmp_path, 'best_*')
    options |= {'train_cfg.max_iters': 5, 'default_hooks.checkpoint.save_best': 'score/BNM'}
    train(tmp_path, resume=True, **options)  # of which 1 is the highest
    assert names(tmp_path, 'best_*') == [best, 'best_score_BNM_iter_5.pth']


def test_save_best_of_what_is_not_measured(train, tmp_path):
    with pytest.raises(UserError, match="save_best='acc': .* mIoU, "):
        train(tmp_path, **{'default_hooks.checkpoint.save_best': 'acc'})
    assert read_checkpoint(tmp_path / 'iter_4.pth')['meta']['iter'] == 4

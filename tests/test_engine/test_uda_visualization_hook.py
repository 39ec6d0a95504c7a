"""UDAVisualizationHook: sheets with stable names, and training that does not notice them."""

import errno
import os
from pathlib import Path

import cv2
import pytest

from mmseg_gl.errors import UserError
from tests.run_states import assert_same, assert_same_run, log_of, state_of

MIC = Path(__file__).parents[2] / 'configs/mic/mic-gl_deeplabv2-tiny_street-scenes.py'
HOOK = 'default_hooks.visualization'
ADD_IMAGE = 'mmseg_gl.visualization.picture_vis_backend.PictureVisBackend.add_image'


def sheets(work_dir):
    return sorted(Path(work_dir).glob('*/vis_data/vis_image/*'))


def test_training_is_the_same_without_it(train, tmp_path):
    train(tmp_path / 'with', **{f'{HOOK}.num_images': 3})
    train(tmp_path / 'without', **{HOOK: None})
    assert_same_run(tmp_path / 'with', tmp_path / 'without')
    names = [f'sheet_{pair}_{iteration:07}.png' for pair in range(3) for iteration in (4, 8)]
    assert [path.name for path in sheets(tmp_path / 'with')] == names
    assert not sheets(tmp_path / 'without')
    first, second = (cv2.imread(path) for path in sheets(tmp_path / 'with')[:2])
    assert first.shape == second.shape
    assert (first[:146, :520] == second[:146, :520]).all()  # the same image and labels
    assert (first != second).any()  # another prediction


def test_teacher_views_and_batch_norm_go_on_as_without_it(
    run, street_scenes, data_options, tmp_path
):
    states = []
    for name in ('UDAVisualizationHook', 'EmptyCacheHook'):
        outcome = run(
            *('train', MIC, '--work-dir', tmp_path / name, '--cfg-options'),
            *data_options(street_scenes),
            *('train_cfg.max_iters=4', 'train_cfg.val_interval=2', f'{HOOK}.type={name}'),
            'default_hooks.logger.interval=1',
        )
        assert outcome.code == 0, outcome.err
        states.append(state_of(tmp_path / name / 'iter_4.pth'))
    assert len(sheets(tmp_path / 'UDAVisualizationHook')) == 2
    assert_same(*states, 'iter_4.pth')
    assert_same(*(log_of(path) for path in sorted(tmp_path.iterdir())), 'log')


def test_full_disk_ends_the_run_as_for_other_files(train, monkeypatch, tmp_path):
    train(tmp_path / 'straight')

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr('mmseg_gl.visualization.picture_vis_backend.encoded', full)
        with pytest.raises(UserError, match='No space left .* --resume'):
            train(tmp_path / 'full')
    assert not sheets(tmp_path / 'full')
    train(tmp_path / 'full', resume=True)
    assert_same_run(tmp_path / 'straight', tmp_path / 'full')


def test_sheet_that_cannot_be_drawn_is_no_end(train, monkeypatch, tmp_path):
    def broken(*_):
        raise ValueError('a head that cannot be drawn')

    monkeypatch.setattr('mmseg_gl.engine.hooks.uda_visualization_hook.training_sheets', broken)
    train(tmp_path)
    assert not sheets(tmp_path) and (tmp_path / 'iter_8.pth').exists()
    (log,) = tmp_path.glob('*/*.log')
    assert log.read_text().count('a head that cannot be drawn') == 1

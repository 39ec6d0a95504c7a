"""Figures of a run, read from logs that are written by hand."""

import json

import pytest

from mmseg_gl.experiments.run_result import PEAK_MEMORY, RunResult
from mmseg_gl.experiments.scalars import curve, read_scalars, validation_curve

FIRST = [
    {'loss_seg_decode': 2.0, 'time': 0.5, 'iter': 10, 'step': 10},
    {'mIoU': 30.0, 'score/SND': 1.5, 'score/entropy': -0.5, 'time': 9.0, 'step': 10},
    {'loss_seg_decode': 1.0, 'time': 0.7, 'iter': 20, 'step': 20},
    {'mIoU': 99.0, 'score/SND': 9.0, 'step': 20},
]
SECOND = [  # resumed after 10 iterations
    {'loss_seg_decode': 1.1, 'time': 0.9, 'iter': 20, 'step': 20},
    {'mIoU': 40.0, 'score/SND': 2.5, 'score/entropy': float('nan'), 'step': 20},
    {'loss_seg_decode': float('nan'), 'time': 1.1, 'iter': 25, 'step': 25},
    {'mIoU': 38.0, 'score/SND': 2.5, 'source/mIoU': 60.0, 'step': 25},
]


@pytest.fixture
def run_dir(tmp_path):
    for name, records in (('20260101_000002', SECOND), ('20260101_000001', FIRST)):
        folder = tmp_path / name / 'vis_data'
        folder.mkdir(parents=True)
        (folder / 'scalars.json').write_text('\n'.join(map(json.dumps, records)) + '\n{"loss": ')
    (tmp_path / 'test').mkdir()
    (tmp_path / 'test/metrics.json').write_text('{"mIoU": 38.5}')
    return tmp_path


def test_scalars_of_all_starts(run_dir):
    assert json.dumps(read_scalars(run_dir)) == json.dumps([*FIRST, *SECOND])
    assert curve(read_scalars(run_dir), 'loss_seg_decode') == {10: 2.0, 20: 1.1}
    assert validation_curve(run_dir) == {10: 30.0, 20: 40.0, 25: 38.0}


def test_validations_without_labels(run_dir):
    path = run_dir / '20260101_000002/vis_data/scalars.json'
    path.write_text('{"score/BNM": 0.5, "step": 25}\n{"score/BNM": 0.4, "step": 30}')
    result = RunResult.read(run_dir)
    assert result.chosen('score/BNM') == {'score/BNM': 0.5, 'step': 25}
    assert result.best == 99.0  # of the first start
    (run_dir / '20260101_000001/vis_data/scalars.json').unlink()
    assert RunResult.read(run_dir).best == 38.5


def test_figures_of_a_run(run_dir):
    result = RunResult.read(run_dir)
    assert (result.mean_iou, result.best) == (38.5, 40.0)
    assert result.iterations == 25
    assert result.seconds == pytest.approx(10 * 0.5 + 10 * 0.9 + 5 * 1.1)
    assert result.memory is None
    (run_dir / PEAK_MEMORY).write_text('{"mib": 700.5}')
    assert RunResult.read(run_dir).memory == 700.5
    (run_dir / 'test/metrics.json').unlink()
    assert RunResult.read(run_dir) is None


@pytest.mark.parametrize(
    'score, mean_iou, last',
    [
        ('score/SND', 40.0, 2.5),  # the first of two equal ones
        ('score/entropy', 30.0, None),  # what is not finite is no score
        ('source/mIoU', 38.0, 60.0),
    ],
)
def test_choice_by_score(run_dir, score, mean_iou, last):
    result = RunResult.read(run_dir)
    assert result.chosen(score)['mIoU'] == mean_iou
    assert result.last_score(score) == last
    assert result.chosen('score/BNM') is None and result.last_score('score/BNM') is None

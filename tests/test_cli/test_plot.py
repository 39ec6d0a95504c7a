"""Curves of logs that are written by hand."""

import json

import pytest
from PIL import Image

from mmseg_gl.cli.plot import panels_of, run_names
from mmseg_gl.visualization.curves import Curve

TRAINED = [
    {
        **{'loss_seg_decode': 1 / step, 'loss_adv_local_decode': 0.5, 'loss_d_local_decode': 0.7},
        **{'acc_d_source_local_decode': 0.9, 'acc_d_target_local_decode': 0.8, 'lr': 0.1},
        **{'acc_d_local_decode': 0.85, 'entropy_target': 0.3, 'step': step},
    }
    for step in range(1, 61)
]
VALIDATED = [{'mIoU': 20.0 + step, 'score/SND': 1.0, 'step': step} for step in (20, 60)]


@pytest.fixture
def runs(tmp_path):
    """Two runs: one with a discriminator, which was resumed, and one without."""
    logs = {
        'a/seed_0/20260101_000001': TRAINED[:30] + VALIDATED[:1],
        'a/seed_0/20260101_000002': TRAINED[30:] + VALIDATED[1:],
        'b/seed_0/20260101_000001': [{'loss_seg_decode': 2.0, 'step': 5}, {'mIoU': 9.0, 'step': 5}],
    }
    for folder, records in logs.items():
        path = tmp_path / folder / 'vis_data/scalars.json'
        path.parent.mkdir(parents=True)
        path.write_text('\n'.join(map(json.dumps, records)))
    return [tmp_path / 'a/seed_0', tmp_path / 'b/seed_0']


def test_panels():
    panels = panels_of({'a': TRAINED + VALIDATED, 'b': [{'loss_seg_decode': 2.0, 'step': 5}]})
    losses = ['loss_seg_decode', 'loss_adv_local_decode', 'loss_d_local_decode']
    names = ['target mIoU (%)', 'score/SND', 'entropy_target', *losses, 'acc_d_local_decode']
    assert list(panels) == names
    assert panels['target mIoU (%)'] == [Curve('a', {20: 40.0, 60: 80.0}, dots=True)]
    assert {c.run for c in panels['loss_seg_decode']} == {'a', 'b'}
    assert [c.dashed for c in panels['acc_d_local_decode']] == [False, False, True, True]


def test_smoothing():
    logged, smooth = Curve('a', {1: 0.0, 2: 3.0, 3: 6.0, 4: 0.0}).smoothed()
    assert logged.faint and logged.points == {1: 0.0, 2: 3.0, 3: 6.0, 4: 0.0}
    assert smooth.points == {1: 1.5, 2: 3.0, 3: 3.0, 4: 3.0} and not smooth.faint


def test_names_are_what_differs_between_paths():
    assert run_names(['w/a/seed_0', 'w/b/seed_0']) == ['a', 'b']
    assert run_names(['w/a/seed_0', 'w/a']) == ['seed_0', '.']
    assert run_names(['w/a/seed_0']) == ['a/seed_0']


def test_pictures(run, runs, tmp_path):
    for _ in range(2):  # the second replaces the first
        outcome = run('plot', runs[0])
        assert outcome.code == 0 and outcome.out == f'wrote {runs[0]}/curves.png\n', outcome.err
    one = Image.open(runs[0] / 'curves.png')
    assert run('plot', *runs, '--out', tmp_path / 'new/both.png').code == 0
    both = Image.open(tmp_path / 'new/both.png')
    assert one.width == both.width > 1000
    colours = {colour for _, colour in both.convert('RGB').getcolors(1 << 24)}
    assert {(31, 119, 180), (255, 127, 14)} <= colours  # the first two of matplotlib's tab10

"""Folders and names of the rows of a comparison, and the values of grids."""

from pathlib import Path

import pytest

from mmseg_gl.errors import UserError
from mmseg_gl.experiments.grid import combinations
from mmseg_gl.experiments.places import find_row, finished_runs, place_of, row_names, run_dir

A, B = 'configs/a_tiny.py', 'configs/b_tiny.py'


def test_combinations_of_grids():
    assert combinations([]) == [()]
    assert combinations(['y.b=[1,2],(3,(4,5))', "x='s',None,None"]) == [
        ("x='s'", 'y.b=[1,2]'),
        ("x='s'", 'y.b=(3,(4,5))'),
        ('x=None', 'y.b=[1,2]'),
        ('x=None', 'y.b=(3,(4,5))'),
    ]


def test_names_and_folders():
    places = [
        place_of(A, ()),
        place_of(B, ['m.lr=1', 'load_from=w/x.pth']),
        place_of(B, ['n.lr=1']),
    ]
    assert places[1] == ('b_tiny', 'load_from=w%2Fx.pth', 'm.lr=1')
    names = row_names(places)
    assert list(names.values()) == ['a', 'b, load_from=w/x.pth, m.lr=1', 'b, n.lr=1']
    assert find_row('a', names) == find_row(A, names) == places[0]
    assert find_row('b, n.lr=1', names) == places[2]
    with pytest.raises(UserError, match='several rows'):
        find_row(B, names)


def test_finished_runs_of_a_folder_that_is_named_like_a_run(tmp_path):
    work_dir, place = tmp_path / 'seed_0', place_of(A, ['m.lr=1'])
    folder = Path(run_dir(work_dir, place, 2))
    (folder / 'test').mkdir(parents=True)
    (folder / 'test/metrics.json').write_text('{"mIoU": 40.0}')
    assert finished_runs(work_dir, 'compare.json') == {}
    (folder / 'compare.json').write_text('{}')
    assert finished_runs(work_dir, 'compare.json')[place][2].mean_iou == 40

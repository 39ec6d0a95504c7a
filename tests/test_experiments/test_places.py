"""Folders and names of the rows of a comparison, and the values of grids."""

import pytest

from mmseg_gl.errors import UserError
from mmseg_gl.experiments.grid import combinations
from mmseg_gl.experiments.places import find_row, place_of, row_names

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

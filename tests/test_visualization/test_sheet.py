"""Sheets: where cells, scales and the legend are."""

import numpy as np

from mmseg_gl.visualization import Cell, sheet
from mmseg_gl.visualization.colours import DOMAIN, ENTROPY, colour_map, colour_table
from mmseg_gl.visualization.sheet import HEADER, reduced_size


def filled(height, width, value):
    return np.full((height, width, 3), value, np.uint8)


def test_pictures_keep_their_shape():
    assert reduced_size(1024, 2048) == (256, 512)
    assert reduced_size(720, 1280) == (288, 512)
    assert reduced_size(512, 512) == (320, 320)
    assert reduced_size(96, 192) == (96, 192)


def test_places_of_cells():
    rows = [[Cell('a', filled(100, 300, 10))], [Cell('b', filled(32, 64, 20))] * 2]
    picture = sheet(rows)
    second = HEADER + 100 + 4  # small pictures are drawn four times as large
    assert picture.shape == (second + HEADER + 128 + 4, 4 + 2 * (256 + 4), 3)
    assert (picture[HEADER : HEADER + 100, 4:304] == 10).all()
    assert (picture[second + HEADER : second + HEADER + 128, 4:260] == 20).all()
    assert (picture == 10).all(axis=2).sum() == 100 * 300


def test_scale_and_legend():
    cell = Cell('long title ' * 99, filled(64, 256, 255), ENTROPY)
    picture = sheet([[cell]], ['road', 'sky'], [[1, 2, 3], [4, 5, 6]])
    for colour in (*colour_table(ENTROPY)[[2, 253]], (1, 2, 3), (4, 5, 6)):
        assert (picture == colour).all(axis=2).any(), colour
    lines = len(sheet([[cell]], [f'class {i}' for i in range(19)], [[9, 9, 9]] * 19))
    assert lines > len(picture)


def test_colours_do_not_depend_on_the_other_values():
    values = np.array([[0.0, 0.5, 1.0, 7.0]])
    assert colour_map(values, DOMAIN)[0].tolist() == [
        *([38, 94, 178], [226, 225, 225], [190, 48, 40], [190, 48, 40])
    ]
    assert (colour_map(values[:, 1:2], DOMAIN) == colour_map(values, DOMAIN)[:, 1:2]).all()

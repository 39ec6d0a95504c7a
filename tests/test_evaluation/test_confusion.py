"""What a confusion matrix says, by hand."""

import numpy as np

from mmseg_gl.evaluation.confusion import image_figures, most_confused

NAMES = ('road', 'person', 'rider')


def test_most_confused():
    matrix = np.array([[995, 5, 0], [30, 60, 10], [0, 3, 1]])
    pairs = [('rider', 'person', 75.0), ('person', 'road', 30.0), ('person', 'rider', 10.0)]
    assert most_confused(matrix, NAMES, most=3) == pairs
    assert most_confused(matrix, NAMES) == [*pairs, ('road', 'person', 0.5)]
    assert most_confused(np.diag([7, 0, 3]), NAMES) == []


def test_image_figures():
    good, bad = np.diag([4, 0, 4]), np.array([[2, 2, 0], [0, 0, 0], [4, 0, 0]])
    figures = image_figures([('a.png', good), ('b.png', bad), ('c.png', 0 * good)], NAMES)
    assert figures == [
        {'image': 'b.png', 'mIoU': 12.5, 'IoU.road': 25.0, 'IoU.rider': 0.0},
        {'image': 'a.png', 'mIoU': 100.0, 'IoU.road': 100.0, 'IoU.rider': 100.0},
    ]

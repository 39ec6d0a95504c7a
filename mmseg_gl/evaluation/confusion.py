"""Findings from confusion matrices: the most confused classes, and the worst images."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from mmseg_gl.evaluation.uda_iou_metric import iou_figures

LEAST = 0.05  # percent of a class's pixels; less would be shown as 0.0


class Confusion(NamedTuple):
    """A class that is taken for another one.

    Attributes:
        truth, prediction: Their names.
        percent: Share of the pixels of ``truth``.
    """

    truth: str
    prediction: str
    percent: float


def most_confused(matrix: np.ndarray, names: Sequence[str], most: int = 5) -> list[Confusion]:
    """Find the largest shares of a class's pixels that another class is predicted for.

    Args:
        matrix: (K, K) counts, indexed [ground truth, prediction].
        names: Names of the K classes.
        most: How many to return at most.

    Returns:
        The largest first; none below ``LEAST``.
    """
    percent = 100 * matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    np.fill_diagonal(percent, 0)
    order = np.argsort(-percent, axis=None, kind='stable')[:most]
    pairs = zip(*np.unravel_index(order, percent.shape))
    found = [Confusion(names[i], names[j], float(percent[i, j])) for i, j in pairs]
    return [pair for pair in found if pair.percent >= LEAST]


def image_figures(
    per_image: Iterable[tuple[str, np.ndarray]], names: Sequence[str]
) -> list[dict[str, Any]]:
    """Compute the IoU of each image, over the classes that occur in its ground truth.

    Args:
        per_image: Path and (K, K) confusion matrix of each image.
        names: Names of the K classes.

    Returns:
        ``image``, the path, ``mIoU`` and ``IoU.<class>`` in percent of each image, the worst
        first; images without a pixel that counts are left out.
    """
    figures = []
    for path, matrix in per_image:
        if matrix.any():
            iou = iou_figures(matrix, names)
            classes = {name: value for name, value in iou.items() if name.startswith('IoU.')}
            figures.append({'image': path, 'mIoU': iou['mIoU'], **classes})
    return sorted(figures, key=lambda entry: (entry['mIoU'], entry['image']))

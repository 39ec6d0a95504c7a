"""Files of a test: figures, confusion matrices and the figures of each image."""

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mmseg_gl.evaluation import UDAIoUMetric
from mmseg_gl.evaluation.confusion import image_figures, most_confused
from mmseg_gl.files import write_bytes
from mmseg_gl.visualization.confusion_picture import confusion_picture

# Files of the newest test: those of earlier ones have a number before the suffix.
RESULT = re.compile(r'(?!.*\.\d+\.\w+$)(metrics|(confusion|per_image)(_.*)?)\.(json|png)$')
MOST = 5  # of the pairs of classes and the images that are named


def files_of(metric: UDAIoUMetric, ending: str = '') -> dict[str, bytes]:
    """Return what is written of a metric after a test, by file name.

    Args:
        metric: An evaluated metric, in the first process.
        ending: Of the names, before their suffix.
    """
    names, matrix = metric.dataset_meta['classes'], matrix_of(metric)
    title = f'{len(metric.per_image)} images, % of the pixels of each class; grey: does not occur'
    counts = one_a_line(matrix.tolist())
    text = f'{{"classes": {json.dumps(names)},\n"counts": {counts}}}\n'
    images = one_a_line(image_figures(metric.per_image, names))
    return {
        f'confusion{ending}.json': text.encode(),
        f'confusion{ending}.png': confusion_picture(matrix, names, title),
        f'per_image{ending}.json': f'{images}\n'.encode(),
    }


def findings(metric: UDAIoUMetric) -> str:
    """Describe the classes that are confused most, and the worst and the best images.

    Args:
        metric: An evaluated metric, in the first process.
    """
    names = metric.dataset_meta['classes']
    lines = ['Most confused:']
    for pair in most_confused(matrix_of(metric), names, MOST):
        share = f'{pair.percent:.1f} % of its pixels'
        lines.append(f'  {pair.truth} is taken for {pair.prediction}: {share}')
    figures = image_figures(metric.per_image, names)
    most = min(MOST, len(figures) // 2)
    for what, chosen in (('Worst', figures[:most]), ('Best', figures[::-1][:most])):
        if chosen:
            lines.append(f'{what} images (mIoU over the classes in their labels):')
            lines += [f'  {entry["mIoU"]:5.1f} {entry["image"]}' for entry in chosen]
    return '\n'.join(lines if len(lines) > 1 else ['Nothing is confused'])


def matrix_of(metric: UDAIoUMetric) -> np.ndarray:
    return np.sum([matrix for _, matrix in metric.per_image], axis=0)


def one_a_line(entries: Sequence[Any]) -> str:
    """Return entries as a JSON list with a line for each."""
    return '[\n' + ',\n'.join(map(json.dumps, entries)) + '\n]'


def write_results(folder: str, files: Mapping[str, bytes]) -> None:
    """Write the results of a test; keep all those of another one under other names.

    Files of one test keep the same number: ``metrics.1.json`` is of the same test as
    ``confusion.1.json``.

    Args:
        folder: The work dir.
        files: Contents by name; all are written.
    """
    there = {name: os.path.join(folder, name) for name in os.listdir(folder) if RESULT.match(name)}
    if any(name not in files or read(path) != files[name] for name, path in there.items()):
        number = 1
        while any(os.path.lexists(kept) for kept in numbered(folder, {*there, *files}, number)):
            number += 1
        for path, kept in zip(there.values(), numbered(folder, there, number)):
            os.rename(path, kept)
            print(f'kept the earlier {path} as {kept}')
    for name, content in files.items():
        write_bytes(os.path.join(folder, name), content)


def numbered(folder: str, names: Iterable[str], number: int) -> list[str]:
    """Return the paths under which files are kept."""
    parts = [os.path.splitext(name) for name in names]
    return [os.path.join(folder, f'{stem}.{number}{suffix}') for stem, suffix in parts]


def read(path: str) -> bytes | None:
    """Return the contents of a file, None for what is none."""
    if not os.path.isfile(path):
        return None
    with open(path, 'rb') as file:
        return file.read()

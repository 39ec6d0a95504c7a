"""Pixels per class in every label of a data set, counted once and cached in a file."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.logging import print_log
from mmseg.datasets import BaseSegDataset

from mmseg_gl.datasets.dataset_labels import DatasetLabels, Pixels
from mmseg_gl.datasets.official_statistics import official_pixels
from mmseg_gl.datasets.statistics_cache import StatisticsCache
from mmseg_gl.errors import UserError

MAX_THREADS = 32

Progress = Callable[[Iterable, int], Iterable]


@dataclass
class ClassStatistics:
    """Class statistics of a data set.

    Attributes:
        pixels: Pixels per class of each label at its full resolution, (N, K) int64, in the order of
            the data set; zeros for a label that cannot be used.
        errors: One sentence for each label that cannot be used.
    """

    pixels: np.ndarray
    errors: list[str]


def class_statistics(dataset: BaseSegDataset, progress: Progress | None = None) -> ClassStatistics:
    """Return the class statistics of a data set.

    Labels that the official ``sample_class_stats.json`` in the data set's folder lists are not
    opened. The others are counted by several threads; :class:`StatisticsCache` keeps the result,
    and a label is counted again once its size, its time or the choice of classes has changed.

    In a distributed run the first process counts, and the others get its result.

    Args:
        dataset: A data set with a pipeline that loads labels.
        progress: Wraps an iterable of so many labels, to show how far it is.

    Raises:
        UserError: If the pipeline loads no labels, or a file of statistics is wrong.
    """
    results: list[Any] = [None]
    if is_main_process():
        try:
            results = [find_statistics(DatasetLabels(dataset), progress)]
        except UserError as error:
            results = [error]
    broadcast_object_list(results)
    if isinstance(results[0], UserError):
        raise results[0]
    return results[0]


def find_statistics(labels: DatasetLabels, progress: Progress | None) -> ClassStatistics:
    """Read or count class statistics; see :func:`class_statistics`."""
    found, errors = official_pixels(labels), []
    if len(found) < len(labels.files):
        cache = StatisticsCache(labels.root, labels.classes)
        names = [os.path.relpath(file, labels.root) for file in labels.files]
        stamps = [stamp_of(file) for file in labels.files]
        kept = cache.read(labels.num_classes)
        cached = {i for i, name in enumerate(names) if name in kept and kept[name][:2] == stamps[i]}
        found = {**{index: kept[names[index]][2] for index in cached}, **found}
        missing = [index for index in range(len(names)) if index not in found]
        counted = count_all(labels, missing, progress) if missing else []
        for index, result in zip(missing, counted):
            if isinstance(result, UserError):
                errors.append(str(result))
            else:
                found[index] = result
                kept[names[index]] = (*stamps[index], result)
        if missing:
            cache.write(kept)
    pixels = np.zeros((len(labels.files), labels.num_classes), np.int64)
    for index, row in found.items():
        pixels[index, list(row)] = list(row.values())
    return ClassStatistics(pixels, errors)


def count_all(
    labels: DatasetLabels, indices: list[int], progress: Progress | None
) -> list[Pixels | UserError]:
    """Count the classes in some labels; return an error in place of each that cannot be used."""
    print_log(f'Counting the classes in {len(indices)} labels of {labels.root}', 'current')
    pool = ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1))
    try:
        counted: Iterable = pool.map(labels.try_to_count, indices)
        return list(progress(counted, len(indices)) if progress else counted)
    finally:
        pool.shutdown(cancel_futures=True)


def stamp_of(file: str) -> tuple[int, int]:
    """Return a file's size in bytes and its modification time in ns, to detect changes."""
    try:
        status = os.stat(file)
    except OSError:
        return -1, -1  # opening it will say what is wrong
    return status.st_size, status.st_mtime_ns

"""Writes the benchmark to disk."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial

import cv2

from mmseg_gl.errors import UserError
from mmseg_gl.experiments.recorded_folder import RecordedFolder
from mmseg_gl.street_scenes.config import StreetScenesConfig
from mmseg_gl.street_scenes.render import Split
from mmseg_gl.street_scenes.writer import sample_paths, write_sample

FORMAT_VERSION = 1
RECORD_NAME = 'street_scenes.json'

Sample = tuple[Split, int]


def generate(
    config: StreetScenesConfig,
    out_dir: str | os.PathLike,
    workers: int | None = None,
    progress: Callable[[Iterable, int], Iterable] | None = None,
) -> bool:
    """Write the data sets of both domains, or the files that are still missing.

    The bytes of the files depend on the settings alone. ``street_scenes.json`` keeps the settings
    and says whether everything has been written, so that an interrupted run can be resumed.

    Args:
        config: the settings.
        out_dir: folder for ``GTA5`` or ``SYNTHIA``, ``cityscapes`` and ``street_scenes.json``.
        workers: number of processes, at least 1; None takes as many as there are cores to use.
        progress: wraps an iterable of so many images, to show how far it is.

    Returns:
        False if everything was already there and nothing has been touched, else True.

    Raises:
        UserError: if ``out_dir`` holds something else, which is left untouched, if it cannot be
            written to, or if another process does so.
    """
    if workers is None:
        workers = _usable_cores()
    if workers < 1:
        raise UserError(f'workers={workers!r}: expected a whole number, at least 1')
    counts = {
        Split.SOURCE: config.train,
        Split.TARGET_TRAIN: config.train,
        Split.TARGET_VAL: config.val,
    }
    files = {
        (split, index): set(sample_paths(config, split, index))
        for split, count in counts.items()
        for index in range(count)
    }
    folder = RecordedFolder(
        os.fspath(out_dir),
        RECORD_NAME,
        run=dict(format_version=FORMAT_VERSION, settings=config.settings()),
        about={},
        files=set().union(*files.values()),
        option='OUT',
    )
    with folder.open():
        if folder.complete:
            return False
        missing = [sample for sample, paths in files.items() if not folder.done >= paths]
        written = _write_samples(config, folder.path, missing, workers)
        for _ in progress(written, len(missing)) if progress else written:
            pass
        folder.finish()
    return True


def _write_samples(
    config: StreetScenesConfig, out_dir: str, samples: list[Sample], workers: int
) -> Iterator[None]:
    """Write samples, and yield after each of them."""
    write = partial(_write_one, config, out_dir)
    with _single_threaded_cv2():
        if workers == 1:
            yield from map(write, samples)
            return
        method = 'fork' if sys.platform == 'linux' else 'spawn'
        with ProcessPoolExecutor(
            max_workers=workers,
            mp_context=multiprocessing.get_context(method),
            initializer=_start_worker,
        ) as pool:
            yield from pool.map(write, samples, chunksize=4)


def _start_worker() -> None:
    """Use one thread, and leave it to the parent to stop when interrupted from the keyboard."""
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _write_one(config: StreetScenesConfig, out_dir: str, sample: Sample) -> None:
    write_sample(config, out_dir, *sample)


@contextmanager
def _single_threaded_cv2() -> Iterator[None]:
    """Let OpenCV use one thread: images are small, and its threads do not survive a fork."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


def _usable_cores() -> int:
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

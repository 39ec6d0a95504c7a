"""Writes the benchmark to disk."""

import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import cv2

from mmseg_gl.benchmarks.street_scenes.config import StreetScenesConfig
from mmseg_gl.benchmarks.street_scenes.render import Split
from mmseg_gl.benchmarks.street_scenes.writer import (
    FOLDERS,
    sample_paths,
    write_atomically,
    write_sample,
)
from mmseg_gl.errors import UserError

FORMAT_VERSION = 1
RECORD_NAME = 'street_scenes.json'

Sample = tuple[Split, int]


def generate(
    config: StreetScenesConfig,
    out_dir: str | os.PathLike,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> bool:
    """Write the data sets of both domains, or what is missing of them.

    The bytes of the files depend on the settings alone. ``street_scenes.json`` keeps the settings
    and says whether everything has been written, so that an interrupted run is gone on with.

    Args:
        config: the settings.
        out_dir: folder for ``GTA5`` or ``SYNTHIA``, ``cityscapes`` and ``street_scenes.json``; one
            run at a time may write to it.
        workers: number of processes, at least 1; None takes as many as there are cores to use.
        progress: called with the number of images written and to be written, after each of them.

    Returns:
        False if everything was already there and nothing has been touched, else True.

    Raises:
        UserError: if ``out_dir`` holds something else, which is left untouched, or if it cannot be
            written to.
    """
    if workers is None:
        workers = _usable_cores()
    if workers < 1:
        raise UserError(f'workers={workers!r} does not do; expected at least 1')
    out_dir = Path(out_dir)
    try:
        complete = _check_out_dir(config, out_dir)
        missing = _missing_samples(config, out_dir)
        if complete and not missing:
            return False
        _write_record(config, out_dir, complete=False)
        for directory in {
            path.parent for sample in missing for path in sample_paths(config, *sample)
        }:
            (out_dir / directory).mkdir(parents=True, exist_ok=True)
        _write_samples(config, out_dir, missing, workers, progress)
        _write_record(config, out_dir, complete=True)
    except OSError as error:
        raise UserError(
            f'cannot write street scenes to {out_dir}: {error.strerror or error}'
        ) from error
    return True


def _check_out_dir(config: StreetScenesConfig, out_dir: Path) -> bool:
    """Make sure that nothing else is in the folder; return whether its record says complete."""
    record_path = out_dir / RECORD_NAME
    advice = 'choose another folder or delete this one'
    if not record_path.exists():
        for folder in FOLDERS:
            if os.path.lexists(out_dir / folder):
                raise UserError(
                    f'{out_dir} holds a {folder} that is not known to be made of street scenes '
                    f'(there is no {RECORD_NAME}); choose another folder'
                )
        return False
    try:
        record = json.loads(record_path.read_text(encoding='utf-8'))
        version, complete = record['format_version'], record['complete']
        settings = dict(record['settings'])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f'{record_path} cannot be understood; {advice}') from error
    if version != FORMAT_VERSION:
        raise UserError(
            f'{out_dir} holds street scenes of format version {version}, expected '
            f'{FORMAT_VERSION}; {advice}'
        )
    if settings != config.settings():
        differences = _describe_differences(settings, config.settings())
        raise UserError(
            f'{out_dir} holds street scenes with other settings ({differences}); {advice}'
        )
    return complete


def _describe_differences(found: dict[str, Any], wanted: dict[str, Any]) -> str:
    return ', '.join(
        f'{name} {found.get(name)} instead of {value}'
        for name, value in wanted.items()
        if found.get(name) != value
    )


def _write_record(config: StreetScenesConfig, out_dir: Path, complete: bool) -> None:
    out_dir.mkdir(parents=True, exist_ok=True)
    record = {
        'format_version': FORMAT_VERSION,
        'complete': complete,
        'settings': config.settings(),
    }
    text = json.dumps(record, indent=2) + '\n'
    write_atomically(out_dir / RECORD_NAME, text.encode())


def _missing_samples(config: StreetScenesConfig, out_dir: Path) -> list[Sample]:
    counts = {
        Split.SOURCE: config.train,
        Split.TARGET_TRAIN: config.train,
        Split.TARGET_VAL: config.val,
    }
    return [
        (split, index)
        for split, count in counts.items()
        for index in range(count)
        if not all((out_dir / path).exists() for path in sample_paths(config, split, index))
    ]


def _write_samples(
    config: StreetScenesConfig,
    out_dir: Path,
    samples: list[Sample],
    workers: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    write = partial(_write_one, config, out_dir)
    with _single_threaded_cv2():
        if workers == 1:
            _report(map(write, samples), len(samples), progress)
            return
        method = 'fork' if sys.platform == 'linux' else 'spawn'
        with ProcessPoolExecutor(
            max_workers=workers,
            mp_context=multiprocessing.get_context(method),
            initializer=_start_worker,
        ) as pool:
            _report(pool.map(write, samples, chunksize=4), len(samples), progress)


def _start_worker() -> None:
    """Use one thread, and leave it to the parent to stop when interrupted from the keyboard."""
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _write_one(config: StreetScenesConfig, out_dir: Path, sample: Sample) -> None:
    write_sample(config, out_dir, *sample)


def _report(
    results: Iterator[None], total: int, progress: Callable[[int, int], None] | None
) -> None:
    for done, _ in enumerate(results, start=1):
        if progress is not None:
            progress(done, total)


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

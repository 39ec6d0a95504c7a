"""Scalars logged by a run, across all its resumptions."""

import json
import math
import os
from collections.abc import Iterable
from typing import Any

from mmseg_gl.engine.plain_values import has_form

Points = dict[int, float]  # iteration -> value


def read_scalars(run_dir: str) -> list[dict[str, Any]]:
    """Read what a run has logged, in the order in which it was written.

    Args:
        run_dir: Work dir of tools/train.py.

    Returns:
        Records: the scalars by name, and their iteration, 'step'.
    """
    records = []
    for start in sorted(os.listdir(run_dir)):  # one folder per start, named by its time
        path = os.path.join(run_dir, start, 'vis_data', 'scalars.json')
        if not os.path.isfile(path):
            continue
        with open(path, errors='replace') as file:
            for line in file:
                try:
                    record = json.loads(line)
                except (ValueError, RecursionError):  # the last line of a run that was killed
                    continue
                if has_form(record, dict(step=int)):
                    records.append(record)
    return records


def curve(records: Iterable[dict[str, Any]], name: str) -> Points:
    """Return one scalar by iteration; of the same iteration the last record counts.

    Args:
        records: See :func:`read_scalars`.
        name: Name of the scalar; records without it, or where it is not finite, are skipped.
    """
    points = {
        record['step']: record[name]
        for record in records
        if has_form(record, {name: float}) and math.isfinite(record[name])
    }
    return dict(sorted(points.items()))


def validations(records: Iterable[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """Return the records of validations by iteration; see :func:`curve`."""
    records = list(records)
    last = {record['step']: record for record in records if has_form(record, dict(mIoU=float))}
    return {step: last[step] for step in curve(last.values(), 'mIoU')}


def validation_curve(run_dir: str) -> Points:
    """Read the validation mIoU of a run in percent by iteration."""
    return curve(read_scalars(run_dir), 'mIoU')

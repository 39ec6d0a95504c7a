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
    points = {record['step']: record[name] for record in records if is_finite(record.get(name))}
    return dict(sorted(points.items()))


def validations(records: Iterable[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """Return the finite scalars of validations by iteration; of the same one the last counts.

    Validations are the records with an mIoU, or with scores if the images have no labels.
    """
    finite = [{k: v for k, v in record.items() if is_finite(v)} for record in records]
    found = {r['step']: r for r in finite if 'mIoU' in r or any(k.startswith('score/') for k in r)}
    return dict(sorted(found.items()))


def is_finite(value: object) -> bool:
    """Return whether a value of a log is a finite number."""
    return has_form(value, float) and math.isfinite(value)  # type: ignore[arg-type]


def validation_curve(run_dir: str) -> Points:
    """Read the validation mIoU of a run in percent by iteration."""
    return curve(read_scalars(run_dir), 'mIoU')

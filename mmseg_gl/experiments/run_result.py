from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Any

from mmseg_gl.engine.plain_values import has_form
from mmseg_gl.experiments.scalars import curve, read_scalars, validations

DEFAULT_SCORE = 'score/BNM'  # scalar of a validation that needs no label of the target
PEAK_MEMORY = 'peak_memory.json'  # in the folder of a run: {"mib": ...} of its training process


@dataclass
class RunResult:
    """Figures of a run that is trained and tested.

    Attributes:
        metrics: Test metrics of the last iterate by name (``metrics.json``).
        validations: Finite scalars of each validation by its iteration: 'mIoU' in percent, if the
            images have labels, and maybe scores, of which higher ones are better.
        iterations: Number of iterations with a logged time.
        seconds: Time of these iterations, without validations.
        memory: Peak memory in MiB: allocated on the GPU, or resident if there is none; None if it
            was not recorded.
    """

    metrics: dict[str, Any]
    validations: dict[int, dict[str, Any]] = field(default_factory=dict)
    iterations: int = 0
    seconds: float = 0.0
    memory: float | None = None

    @classmethod
    def read(cls, run_dir: str) -> RunResult | None:
        """Read the figures of a run; None if it is not tested.

        Args:
            run_dir: Work dir of tools/train.py, with that of tools/test.py in it as ``test``.
        """
        metrics = read_metrics(run_dir)
        if metrics is None:
            return None
        records = read_scalars(run_dir)
        times = curve([r for r in records if 'iter' in r], 'time')  # not those of validations
        starts = [0, *times]
        memory = list(curve(records, 'memory').values())
        peak = read_json(os.path.join(run_dir, PEAK_MEMORY))
        if not memory and has_form(peak, dict(mib=float)):
            memory = [peak['mib']]
        return cls(
            metrics,
            validations(records),
            max(starts),
            sum((step - start) * times[step] for start, step in zip(starts, times)),
            max(memory, default=None),
        )

    @property
    def mean_iou(self) -> float:
        """The mIoU of the last iterate, in percent."""
        return self.metrics['mIoU']

    @property
    def best(self) -> float:
        """The highest mIoU of any validation, which labels of the target choose, or the test's."""
        found = [r['mIoU'] for r in self.validations.values() if 'mIoU' in r]
        return max(found, default=self.mean_iou)

    def chosen(self, score: str) -> dict[str, Any] | None:
        """Return the scalars of the validation with the highest score, the first of several.

        Args:
            score: Name of the score.

        Returns:
            None if no validation has the score.
        """
        scored = [r for r in self.validations.values() if score in r]
        return max(scored, key=lambda record: record[score], default=None)

    def last_score(self, score: str) -> float | None:
        """Return the score of the last iterate; None if its validation has none."""
        last = self.validations[max(self.validations)] if self.validations else {}
        return last.get(score)


def read_metrics(run_dir: str) -> dict[str, Any] | None:
    """Return the test metrics of a run; None if their file is missing or incomplete."""
    metrics = read_json(os.path.join(run_dir, 'test', 'metrics.json'))
    return metrics if has_form(metrics, dict(mIoU=float)) else None


def read_json(path: str) -> Any:
    """Return the contents of a JSON file; None if it is missing or incomplete."""
    if not os.path.isfile(path):
        return None
    try:
        with open(path) as file:
            return json.load(file)
    except (OSError, ValueError, RecursionError):
        return None

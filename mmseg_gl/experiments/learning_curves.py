"""Learning curves of several methods and seeds."""

import statistics

from mmseg_gl.experiments.comparison import Results
from mmseg_gl.experiments.scalars import Points, curve
from mmseg_gl.visualization.curves import Curve


def learning_curves(results: Results, score: str) -> dict[str, list[Curve]]:
    """Return what validations have measured, for :func:`draw_curves`.

    Args:
        results: Results by method and seed.
        score: Name of the score that has a panel of its own beside the mIoU.

    Returns:
        Curves by panel: those of the seeds, faint, and their mean; no panel without any curve.
    """
    panels: dict[str, list[Curve]] = {}
    for name, title in (('mIoU', 'target mIoU (%)'), (score, score)):
        for method, runs in results.items():
            curves = [curve(run.validations.values(), name) for run in runs.values()]
            curves = [points for points in curves if points]
            if len(curves) > 1:
                faint = [Curve(method, points, faint=True) for points in curves]
                panels.setdefault(title, []).extend(faint)
            if mean := mean_of(curves):
                panels.setdefault(title, []).append(Curve(method, mean, dots=True))
    return panels


def mean_of(curves: list[Points]) -> Points:
    """Return the mean of several curves at the iterations that all of them have."""
    steps = [s for s in next(iter(curves), ()) if all(s in points for points in curves)]
    return {step: statistics.mean(points[step] for points in curves) for step in steps}

"""Differences of methods to a baseline, paired by seed."""

import math
import statistics
from dataclasses import dataclass

from mmseg_gl.experiments.run_result import RunResult


@dataclass
class PairedDifference:
    """Difference of two methods over the seeds that both have, at least two.

    Attributes:
        each: Difference by seed.
    """

    each: dict[int, float]

    @property
    def mean(self) -> float:
        return statistics.mean(self.each.values())

    @property
    def deviation(self) -> float:
        """The sample standard deviation of the differences."""
        return statistics.stdev(self.each.values())

    @property
    def error(self) -> float:
        """The standard error of the mean: the deviation / sqrt(number of seeds)."""
        return self.deviation / math.sqrt(len(self.each))

    @property
    def sign(self) -> str:
        """Number of seeds on which the difference is positive, e.g. '4 of 5'."""
        return f'{sum(value > 0 for value in self.each.values())} of {len(self.each)}'


def paired_difference(
    results: dict[int, RunResult], baseline: dict[int, RunResult]
) -> PairedDifference | None:
    """Return how much higher the mIoU of the last iterate is than that of a baseline.

    Args:
        results: Results of a method by seed.
        baseline: Results of the baseline by seed.

    Returns:
        None if fewer than two seeds have both, or if their protocols differ.
    """
    pairs = {seed: (result, baseline[seed]) for seed, result in results.items() if seed in baseline}
    protocols = {result.metrics.get('protocol') for pair in pairs.values() for result in pair}
    if len(pairs) < 2 or len(protocols) > 1:
        return None
    return PairedDifference({s: own.mean_iou - base.mean_iou for s, (own, base) in pairs.items()})


def difference_table(results: dict[str, dict[int, RunResult]], baseline: str) -> list[str]:
    """Return the lines of a Markdown section: the differences of all methods to the baseline.

    Args:
        results: Results by method and seed.
        baseline: Name of the baseline.
    """
    differences = {
        method: paired_difference(own, results[baseline])
        for method, own in results.items()
        if method != baseline
    }
    lines = [
        '',
        f'## Difference to {baseline}',
        '',
        'mIoU (%) of the last iterate, method minus baseline on the same seed. SD is the sample '
        'standard deviation of the differences, SE = SD / √n the standard error of their mean; '
        '"higher" counts the seeds on which the method is better.',
        '',
        '| method | mean | SD | SE | higher | by seed |',
        '|---|---|---|---|---|---|',
    ]
    for method, d in differences.items():
        if d is None:
            lines.append(f'| {method} | - | - | - | - | - |')
            continue
        each = ', '.join(f'{seed}: {value:+.1f}' for seed, value in d.each.items())
        lines.append(
            f'| {method} | {d.mean:+.2f} | {d.deviation:.2f} | {d.error:.2f} | {d.sign} | {each} |'
        )
    if None in differences.values():
        lines += ['', 'No figures where the two share fewer than two seeds, or no protocol.']
    return lines

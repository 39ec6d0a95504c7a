"""Differences to a baseline against plain NumPy."""

import numpy as np
import pytest

from mmseg_gl.experiments.paired_differences import difference_table, paired_difference
from mmseg_gl.experiments.run_result import RunResult

RNG = np.random.default_rng(0)
METHOD, BASELINE = RNG.normal(50, 2, 6), RNG.normal(49, 2, 5)


def runs(values, protocol='19 outputs'):
    return {
        seed: RunResult(dict(mIoU=float(value), protocol=protocol))
        for seed, value in enumerate(values)
    }


def test_statistics():
    found = paired_difference(runs(METHOD), runs(BASELINE))
    expected = METHOD[:5] - BASELINE
    assert list(found.each) == [0, 1, 2, 3, 4]
    assert list(found.each.values()) == pytest.approx(expected)
    assert found.mean == pytest.approx(expected.mean())
    assert found.deviation == pytest.approx(np.std(expected, ddof=1))
    assert found.error == pytest.approx(np.std(expected, ddof=1) / np.sqrt(5))
    assert found.sign == f'{(expected > 0).sum()} of 5'


def test_no_figures_where_they_would_mean_nothing():
    assert paired_difference(runs(METHOD[:1]), runs(BASELINE)) is None
    assert paired_difference(runs(METHOD, '16 outputs'), runs(BASELINE)) is None
    lines = difference_table(dict(a=runs(METHOD[:1]), b=runs(BASELINE)), 'b')
    assert '| a | - | - | - | - | - |' in lines

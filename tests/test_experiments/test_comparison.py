"""Tables of results that are written by hand."""

from mmseg_gl.experiments.comparison import mean_and_std, table
from mmseg_gl.experiments.learning_curves import learning_curves
from mmseg_gl.experiments.run_result import RunResult


def results(**methods):
    """One seed, 3, for each method: its metrics."""
    return {method: {3: RunResult(metrics)} for method, metrics in methods.items()}


def test_figures_are_means_and_sample_deviations():
    assert mean_and_std([1.0, 2.0, 6.0]) == '3.0 ± 2.6'
    assert mean_and_std([4.25]) == '4.2'
    assert mean_and_std([None, None]) == '-'


def test_table_names_every_protocol_and_how_checkpoints_are_chosen():
    a = {'IoU.road': 80.0, 'IoU.train': 10.0, 'mIoU': 45.0, 'protocol': '19 outputs; all'}
    b = {'IoU.road': 70.0, 'IoU.train': None, 'mIoU': 70.0, 'protocol': '19 outputs; all'}
    report = table(results(a=a, b=b))
    assert 'over the 2 classes that occur' in report and '\nProtocol: 19 outputs; all.\n' in report
    assert '"last" is the last iterate: no label of the target chose it' in report
    assert "best-on-val is the papers' custom, and uses labels of the target to choose" in report
    assert 'highest score/BNM, chosen without target labels' in report

    b = {name: value for name, value in b.items() if name != 'IoU.train'}
    b['protocol'] = '16 outputs; some'
    report = table(results(a=a, b=b))
    assert 'over the classes of each protocol below' in report
    assert '\n- a: 19 outputs; all\n- b: 16 outputs; some\n' in report
    assert '| train | 10.0 | - |' in report


def test_other_test_sets_have_a_table_of_their_own():
    methods = {
        name: {seed: RunResult({'IoU.road': 80.0, 'mIoU': 80.0}) for seed in (0, 1)}
        for name in 'ab'
    }
    assert 'Other test sets' not in table(methods)
    night, rain = ({'mIoU': value, 'protocol': '19 outputs; all'} for value in (10.0, 30.0))
    methods['a'][0].metrics['other_test_sets'] = dict(night=night, rain=rain)
    methods['a'][1].metrics['other_test_sets'] = dict(night=rain, rain=rain)
    report = table(methods)
    assert report.endswith(
        'Other test sets, mIoU (%), last iterate:\n\n'
        '| method | night | rain |\n|---|---|---|\n| a | 20.0 ± 14.1 | 30.0 ± 0.0 |\n'
        '| b | - | - |\n\n- night: 19 outputs; all\n- rain: 19 outputs; all'
    )


def test_time_and_memory():
    run = RunResult({'mIoU': 1.0}, iterations=100, seconds=30.0, memory=1536.0)
    other = RunResult({'mIoU': 1.0}, iterations=100, seconds=90.0)
    rows = table({'a': {0: run, 1: other}}).splitlines()
    assert rows[-1] == '| a | 100 ± 0 | 0.600 ± 0.424 | 1.0 ± 0.7 | 1.50 |'


def test_learning_curves_of_seeds_with_other_validations():
    def run(*steps):
        return RunResult({}, {step: {'mIoU': 10.0 * step, 'step': step} for step in steps})

    def points(*runs):
        (curves,) = learning_curves({'a': dict(enumerate(runs))}, 'score/BNM').values()
        return [curve.points for curve in curves]

    assert points(run(1, 2), run(2, 4)) == [{1: 10, 2: 20}, {2: 20, 4: 40}, {2: 20}]
    assert points(run(1), run(2)) == [{1: 10}, {2: 20}]

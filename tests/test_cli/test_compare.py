"""Two methods are trained, tested and told in one table; a second call reuses them."""

import pytest
from PIL import Image

from mmseg_gl.experiments.comparison import mean_and_std, table, validation_curve

METHODS = ('adaptsegnet', 'minent')
CONFIGS = [f'configs/{m}/{m}_deeplabv2-tiny_street-scenes.py' for m in METHODS]


@pytest.fixture
def arguments(street_scenes, data_options, tmp_path):
    options = [*data_options(street_scenes), 'train_cfg.max_iters=2', 'train_cfg.val_interval=1']
    work_dir = tmp_path / 'compare'
    return [*CONFIGS, '--jobs', '2', '--work-dir', work_dir, '--cfg-options', *options]


@pytest.mark.slow
def test_compare_trains_tests_reports_and_reuses(run, arguments, tmp_path):
    first = run('compare', *arguments)
    assert first.code == 0, first.err
    report = (tmp_path / 'compare' / 'report.md').read_text()
    assert '| method | last | best | seed 0 |' in report
    assert report.count('Protocol: 19 outputs; ground truth of every class counts; ') == 1
    assert 'input 192x96; scored at 64x32; logits upsampled.' in report
    rows = [
        line for line in report.splitlines() if line.startswith(tuple(f'| {m} ' for m in METHODS))
    ]
    assert len(rows) == 2 and rows[0].split('|')[2].strip() == rows[0].split('|')[4].strip()
    assert rows == [line for line in first.out.splitlines() if line in rows]
    picture = Image.open(tmp_path / 'compare' / 'report.png')
    assert picture.width > 4 * 320 and picture.height > 3 * 160
    run_dir = tmp_path / 'compare' / 'minent_deeplabv2-tiny_street-scenes' / 'seed_0'
    assert set(validation_curve(run_dir)) == {1, 2}
    weights = run_dir / 'iter_2.pth'
    written = weights.stat().st_mtime_ns

    second = run('compare', *arguments)
    assert second.code == 0
    assert second.out.count('already done, reusing') == 2
    assert weights.stat().st_mtime_ns == written

    (run_dir / 'test/metrics.json').write_text('{"mIoU": ')
    (run_dir / 'last_checkpoint').unlink()
    again = run('compare', *arguments)
    assert again.code == 0 and again.out.count('already done, reusing') == 1
    assert (tmp_path / 'compare' / 'report.md').read_text() == report

    changed = run('compare', *arguments, 'train_cfg.max_iters=3')
    assert '(train_cfg.max_iters)' in changed.error


def test_figures_are_means_and_sample_deviations():
    assert mean_and_std([1.0, 2.0, 6.0]) == '3.0 ± 2.6'
    assert mean_and_std([4.25]) == '4.2'
    assert mean_and_std([None, None]) == '-'


def test_table_names_every_protocol_and_how_checkpoints_are_chosen():
    methods = {
        'a': {'IoU.road': [80.0], 'IoU.train': [10.0], 'mIoU': [45.0], 'best': [50.0]},
        'b': {'IoU.road': [70.0], 'IoU.train': [None], 'mIoU': [70.0], 'best': [71.0]},
    }
    for figures in methods.values():
        figures['protocol'] = ['19 outputs; all']
    report = table(methods, [3])
    assert 'over the 2 classes that occur' in report and '\nProtocol: 19 outputs; all.\n' in report
    assert '"last" is the last iterate: no label of the target chose it' in report
    assert "best-on-val is the papers' custom, and uses labels of the target to choose" in report

    methods['b'] = {name: v for name, v in methods['b'].items() if name != 'IoU.train'}
    methods['b']['protocol'] = ['16 outputs; some']
    report = table(methods, [3])
    assert 'over the classes of each protocol below' in report
    assert '\n- a: 19 outputs; all\n- b: 16 outputs; some\n' in report
    assert '| train | 10.0 | - |' in report


def test_other_test_sets_have_a_table_of_their_own():
    methods = {
        name: {'IoU.road': [80.0, 80.0], 'mIoU': [80.0, 80.0], 'best': [80.0, 80.0]}
        for name in 'ab'
    }
    assert 'Other test sets' not in table(methods, [0, 1])
    night, rain = ({'mIoU': value, 'protocol': '19 outputs; all'} for value in (10.0, 30.0))
    methods['a']['other_test_sets'] = [dict(night=night, rain=rain), dict(night=rain, rain=rain)]
    report = table(methods, [0, 1])
    assert report.endswith(
        'Other test sets, mIoU (%), last iterate:\n\n'
        '| method | night | rain |\n|---|---|---|\n| a | 20.0 ± 14.1 | 30.0 ± 0.0 |\n'
        '| b | - | - |\n\n- night: 19 outputs; all\n- rain: 19 outputs; all'
    )

"""Methods are trained, tested and told in one report; a second call reuses them."""

import json
from pathlib import Path

import pytest
from PIL import Image

from mmseg_gl.experiments import compared_run
from mmseg_gl.experiments.scalars import validation_curve
from mmseg_gl.experiments.tool_process import ToolProcess

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
    assert '| method | last | best | chosen | seed 0 |' in report
    assert report.count('Protocol: 19 outputs; ground truth of every class counts; ') == 1
    assert 'input 192x96; scored at 64x32; logits upsampled.' in report
    rows = [
        line for line in report.splitlines() if line.startswith(tuple(f'| {m} ' for m in METHODS))
    ]
    assert len(rows) == 2 and rows[0].split('|')[2].strip() == rows[0].split('|')[5].strip()
    assert rows == [line for line in first.out.splitlines() if line in rows]
    picture = Image.open(tmp_path / 'compare' / 'report.png')
    assert picture.width > 4 * 320 and picture.height > 3 * 160
    assert Image.open(tmp_path / 'compare' / 'curves.png').width > 400
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


KEY = 'model.heads.local_head.loss_weights.decode'
LOCAL = 'configs/adaptsegnet/adaptsegnet-gl_deeplabv2-tiny_street-scenes.py'


@pytest.fixture
def tools(monkeypatch, street_scenes):
    """Replace the tools by ones that only write figures; a list of the runs that were trained.

    mIoU: 30 + seed without local alignment, 40 + seed with a weight of 0.1, 50 + seed with 1; the
    score likes 0.1 best, and the first of two validations, whose mIoU is lower by 5.
    """
    trained = []
    images = sorted((street_scenes / 'cityscapes/leftImg8bit/val').rglob('*.png'))

    def run(process):
        folder = Path(process.log_file).parent
        seed = int(folder.name.removeprefix('seed_'))
        options = process.command[process.command.index('--cfg-options') + 1 :]
        weight = [float(o.split('=')[1]) for o in options if o.startswith(KEY)]
        iou = {0.1: 40.0, 1.0: 50.0}[weight[0]] + seed if weight else 30.0 + seed
        if process.tool == 'train':
            trained.append(folder)
            scalars = folder / '20260101_000000/vis_data/scalars.json'
            scalars.parent.mkdir(parents=True)
            records = [{'mIoU': iou - 5, 'step': 1}, {'mIoU': iou, 'step': 2}]
            if weight:
                records[0]['score/BNM'], records[1]['score/BNM'] = 3 - weight[0], 2 - weight[0]
            scalars.write_text('\n'.join(map(json.dumps, records)))
            return
        predictions = folder / 'test/predictions'
        predictions.mkdir(parents=True)
        for path in images:
            Image.new('P', (64, 32)).save(predictions / path.name)
        figures = {'mIoU': iou, 'IoU.road': iou, 'protocol': '19 outputs'}
        (folder / 'test/metrics.json').write_text(json.dumps(figures))

    monkeypatch.setattr(ToolProcess, 'run', run)
    monkeypatch.setattr(compared_run, 'newest_whole_checkpoint', lambda folder: ('iter_2.pth', {}))
    return trained


def test_a_comparison_grows(run, tools, street_scenes, data_options, tmp_path):
    report = tmp_path / 'report.md'

    def compare(config, *arguments):
        options = ['--work-dir', tmp_path, '--cfg-options', *data_options(street_scenes)]
        outcome = run('compare', config, '--seeds', 0, 1, *arguments, *options)
        assert outcome.code == 0, outcome.err
        text = report.read_text()
        return text, [line for line in text.splitlines() if line.startswith('| adaptsegnet')]

    _, rows = compare(CONFIGS[0])
    assert rows == ['| adaptsegnet | 30.5 ± 0.7 | 30.5 ± 0.7 | - | 30.0 | 31.0 |']
    text, grown = compare(LOCAL, '--grid', f'{KEY}=0.1,1', '--baseline', 'adaptsegnet')
    assert len(tools) == 6
    assert tools[2].parent.name == f'{KEY}=1'
    local = ['adaptsegnet-gl, decode=0.1', 'adaptsegnet-gl, decode=1']
    assert grown[:3] == [
        f'| {local[0]} | 40.5 ± 0.7 | 40.5 ± 0.7 | 35.5 ± 0.7 | 40.0 | 41.0 |',
        f'| {local[1]} | 50.5 ± 0.7 | 50.5 ± 0.7 | 45.5 ± 0.7 | 50.0 | 51.0 |',
        *rows,
    ]
    assert f'| {local[1]} | +20.00 | 0.00 | 0.00 | 2 of 2 | 0: +20.0, 1: +20.0 |' in grown
    assert f'| {local[0]} | 0, 1 | 1.900 | 40.5 | 2.900 | 35.5 |' in grown
    assert f'score/BNM chooses **{local[0]}** with 40.5 mIoU; the best is {local[1]} wi' in text
    assert f'score/BNM chooses **{local[0]}** with 35.5 mIoU; the best is {local[1]} wi' in text

    _, subset = compare(CONFIGS[0], '--seeds', 1, '--choose-by', 'score/none')
    assert len(tools) == 6
    assert subset[:2] == [*rows, f'| {local[0]} | 40.5 ± 0.7 | 40.5 ± 0.7 | - | 40.0 | 41.0 |']
    assert 'not all runs have score/none' in report.read_text()


def test_picture_has_the_rows_with_the_same_test_images(
    run, tools, street_scenes, data_options, tmp_path
):
    prefix = dict(img_path='leftImg8bit/train', seg_map_path='gtFine/train')
    data = f'test_dataloader = dict(dataset=dict(data_prefix={prefix}))'
    other = tmp_path / 'other.py'
    other.write_text(f'_base_ = {str(Path(CONFIGS[1]).resolve())!r}\n{data}')
    outcome = run(
        *('compare', CONFIGS[0], other, '--work-dir', tmp_path / 'work'),
        *('--cfg-options', *data_options(street_scenes)),
    )
    assert outcome.code == 0, outcome.err
    assert Image.open(tmp_path / 'work/report.png').width == 3 * 324 + 4  # image, truth, one row

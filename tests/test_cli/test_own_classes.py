"""Five classes of one's own through all tools: every table, PNG and picture has them."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS
from PIL import Image

from mmseg_gl.config.load import load_config

CONFIGS = Path(__file__).parents[2] / 'configs' / 'own_data'
FIVE = CONFIGS / 'adaptsegnet-gl_deeplabv2-tiny_street-scenes-5-classes.py'
TEMPLATE = CONFIGS / 'template.py'
CLASSES = ['flat', 'construction', 'nature', 'sky', 'moving']
COLOURS = [[128, 64, 128], [200, 120, 60], [60, 160, 60], [90, 170, 230], [230, 30, 80]]
BLACK = [0, 0, 0]
# cityscapesScripts, helpers/labels.py: id of each evaluated class, by our classes.
GROUPS = [{7, 8}, {11, 12, 13, 17, 19, 20}, {21, 22}, {23}, {24, 25, 26, 27, 28, 31, 32, 33}]
VAL = 'cityscapes/leftImg8bit/val/perlinburg'
TRAIN = 'cityscapes/leftImg8bit/train'
SIZE = [f'{split}_dataloader.dataset.pipeline.1.scale=(64,32)' for split in ('val', 'test')]


@pytest.fixture
def options(street_scenes, data_options):
    return [*data_options(street_scenes), *SIZE]


def colours(pixels):
    return {tuple(rgb) for rgb in np.unique(np.reshape(pixels, (-1, 3)), axis=0).tolist()}


def assert_own(path):
    """Assert that a label PNG has class numbers and their colours; return the numbers."""
    image = Image.open(path)
    assert image.mode == 'P'
    assert np.reshape(image.getpalette(), (-1, 3))[:5].tolist() == COLOURS
    numbers = np.asarray(image)
    assert set(np.unique(numbers)) <= {0, 1, 2, 3, 4, 255}
    return numbers


def table_rows(text, start):
    """The first cells of the rows of the Markdown table that begins with ``start``."""
    lines = text[text.index(start) :].split('\n\n')[0].splitlines()
    return [line.split('|')[1].strip() for line in lines[2:]]


@pytest.mark.slow
def test_from_training_to_the_last_picture(run, options, street_scenes, tmp_path):
    short = ['train_cfg.max_iters=2', 'train_cfg.val_interval=1']
    outcome = run(
        *('compare', FIVE, '--work-dir', tmp_path / 'compare'), '--cfg-options', *options, *short
    )
    assert outcome.code == 0, outcome.err
    run_dir = tmp_path / 'compare' / FIVE.stem / 'seed_0'

    report = (tmp_path / 'compare/report.md').read_text()
    assert 'over the 5 classes that occur' in report and '\nProtocol: 5 outputs; ground' in report
    assert table_rows(report, '| class |') == CLASSES
    metrics = json.loads((run_dir / 'test/metrics.json').read_text())
    names = ['mIoU', *(f'IoU.{name}' for name in CLASSES), 'protocol']
    assert list(metrics) == [*names, 'checkpoint', 'weights_sha256']
    assert metrics['mIoU'] == pytest.approx(np.mean([metrics[n] for n in names[1:6]]), abs=0.01)

    labels = street_scenes / VAL.replace('leftImg8bit', 'gtFine')
    predictions = sorted((run_dir / 'test/predictions').iterdir())
    matrix = np.zeros((5, 5), int)
    for path in predictions:
        raw = Image.open(labels / path.name.replace('leftImg8bit', 'gtFine_labelIds'))
        for c, ids in enumerate(GROUPS):
            found = assert_own(path)[np.isin(np.asarray(raw), list(ids))]
            matrix[c] += np.bincount(found, minlength=5)
    iou = 100 * np.diag(matrix) / (matrix.sum(0) + matrix.sum(1) - np.diag(matrix))
    assert [metrics[name] for name in names[1:6]] == pytest.approx(iou, abs=0.006)

    picture = np.asarray(Image.open(tmp_path / 'compare/report.png'))
    truth, predicted = picture[24:184, 328:648], picture[24:184, 652:972]
    own = {tuple(rgb) for rgb in [*COLOURS, BLACK]}
    assert colours(truth) <= own and len(colours(truth)) >= 5
    assert colours(predicted) == colours(Image.open(predictions[0]).convert('RGB')) <= own

    weights = run_dir / 'iter_2.pth'
    command = ['--out', tmp_path / 'infer', '--cfg-options', *options]
    assert run('infer', FIVE, weights, street_scenes / VAL, *command).code == 0
    for path in predictions:
        numbers = assert_own(tmp_path / 'infer/labels' / path.name)
        np.testing.assert_array_equal(numbers, assert_own(path))
        colour = np.asarray(Image.open(tmp_path / 'infer/colour' / path.name))
        np.testing.assert_array_equal(colour, np.uint8(COLOURS)[numbers])

    folder = tmp_path / 'labels'
    outcome = run('pseudo_label', FIVE, weights, '--out', folder, '--cfg-options', *options)
    assert outcome.code == 0, outcome.err
    assert [line.split()[0] for line in outcome.out.splitlines()[-5:]] == CLASSES
    assert list(json.loads((folder / 'pseudo_labels.json').read_text())['thresholds']) == CLASSES
    assert all((assert_own(path) != 254).all() for path in folder.glob('*.png'))

    swapped = tmp_path / FIVE.name
    swapped.write_text(
        f"_base_ = '{FIVE}'\nmetainfo = dict(classes={[*CLASSES[:3], 'moving', 'sky']})\n"
    )
    resumed = ['--work-dir', run_dir, '--resume', '--cfg-options', *options, *short]
    error = run('train', swapped, *resumed).error
    assert re.search('metainfo.classes.3 .*sky.*moving', error)


def test_check_data(run, options, street_scenes):
    outcome = run('check_data', FIVE, '--workers', 1, '--cfg-options', *options)
    assert outcome.code == 0, outcome.err
    lines = outcome.out.splitlines()
    start = lines.index('  pixels per class (%):')
    assert [line.split()[0] for line in lines[start + 1 : start + 7]] == [*CLASSES, '(ignored)']
    raw = [np.asarray(Image.open(p)) for p in sorted((street_scenes / 'GTA5/labels').iterdir())]
    for line, ids in zip(lines[start + 1 :], GROUPS):
        assert float(line.split()[1]) == pytest.approx(
            100 * np.isin(raw, list(ids)).mean(), abs=0.01
        )


def test_raw_ids_are_not_class_numbers(run, options, street_scenes, tmp_path):
    """Labels that are read as they are: their ids are refused in training and in evaluation."""
    config = tmp_path / 'raw.py'
    steps = ('LoadImage', 'LoadAnnotations', 'PackSegInputs')
    config.write_text(
        f"_base_ = '{FIVE}'\nsteps = {[dict(type=step) for step in steps]}\n"
        'train_dataloader = dict(dataset=dict(source=dict(pipeline=steps)))\n'
        'val_dataloader = dict(dataset=dict(pipeline=steps))\ntest_dataloader = val_dataloader\n'
    )
    named = r'error: .*\.png .*\b5 classes'
    arguments = ['--work-dir', tmp_path / 'work', '--cfg-options', *options[:-2]]
    assert re.match(named, run('train', config, *arguments).error)
    model = MODELS.build(load_config(str(config)).model)
    torch.save(dict(meta={}, state_dict=model.state_dict()), tmp_path / 'weights.pth')
    assert re.match(named, run('test', config, tmp_path / 'weights.pth', *arguments).error)


@pytest.fixture
def own(street_scenes, tmp_path):
    """The template with the tiny benchmark for data."""
    text = TEMPLATE.read_text()
    for old, new in (
        ("'../adaptsegnet/", f"'{CONFIGS.parent}/adaptsegnet/"),
        ('data/mine/source', f'{street_scenes}/GTA5'),
        ('data/mine/target', f'{street_scenes}/{TRAIN}'),
        ('(192, 96)', '(64, 32)'),
    ):
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / 'mine.py'
    path.write_text(text)
    return path


def test_no_label_of_the_target(run, own, street_scenes, tmp_path):
    work_dir = tmp_path / 'work'
    arguments = ['--work-dir', work_dir, '--cfg-options', 'train_cfg.max_iters=2']
    outcome = run('train', own, *arguments)
    assert outcome.code == 0, outcome.err
    names = {path.name for path in work_dir.glob('*.pth')}
    assert names == {'iter_2.pth', 'best_score_BNM_iter_2.pth'}
    classes = list(load_config(str(own)).metainfo.classes)
    images = street_scenes / TRAIN
    outcome = run('infer', own, work_dir / 'iter_2.pth', images, '--out', tmp_path / 'infer')
    assert outcome.code == 0, outcome.err
    written = list((tmp_path / 'infer/labels').rglob('*.png'))
    assert len(written) == 6 and all(assert_own(path).max() < len(classes) for path in written)

    tested = run('test', own, work_dir / 'iter_2.pth', '--work-dir', tmp_path / 'test')
    assert f'{images}/' in tested.error and 'LoadTrainIds' in tested.error
    compared = run('compare', own, '--work-dir', tmp_path / 'compare')
    assert str(own) in compared.error and 'test_dataloader' in compared.error
    outcome = run('check_data', own, '--workers', 1)
    assert outcome.code == 0 and outcome.out.count('labels are not used') == 2


def test_template_with_labels_of_some_target_images(run, own, street_scenes, tmp_path):
    """The lines of docs/own_data.md that switch validation on; the source stands in."""
    page = (CONFIGS.parents[1] / 'docs/own_data.md').read_text()
    lines = next(part for part in page.split('```') if 'labelled = dict(' in part)
    lines = lines.removeprefix('python\n').replace('data/mine/val', f'{street_scenes}/GTA5')
    text = own.read_text()
    text = text[: text.index('# How the tools')] + lines
    switched = tmp_path / 'validated.py'
    switched.write_text(text)
    outcome = run('check_data', switched, '--workers', 1)
    assert outcome.code == 0, outcome.err
    lines = outcome.out.splitlines()
    start = lines.index(f'val (BaseSegDataset): {street_scenes}/GTA5/images')
    assert lines[start + 1] == '  6 images, 6 labels; all opened'
    assert lines[start + 4].split()[0] == 'ground'
    cfg = load_config(str(switched))
    assert cfg.default_hooks.checkpoint.save_best == 'mIoU'
    assert cfg.val_dataloader == cfg.test_dataloader and cfg.val_evaluator.type == 'UDAIoUMetric'

"""tools/check_data.py: words, exit codes, and the options."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

CONFIGS = Path(__file__).parents[2] / 'configs'
CONFIG = CONFIGS / 'adaptsegnet/adaptsegnet_deeplabv2-tiny_street-scenes.py'
SOURCE_ONLY = CONFIGS / 'source_only/source-only_deeplabv2-tiny_street-scenes.py'


@pytest.fixture
def check(run, data_options):
    def check(folder, *arguments):
        options = ['--cfg-options', *data_options(folder)]
        return run('check_data', CONFIG, '--workers', 1, *arguments, *options)

    return check


def test_all_is_well(check, street_scenes):
    outcome = check(street_scenes)
    assert (outcome.code, outcome.err) == (0, '')
    lines = outcome.out.splitlines()
    assert lines[0] == f'source (GTA5Dataset): {street_scenes}/GTA5/images'
    assert lines[1] == '  6 images, 6 labels; all opened'
    assert lines[2] == '  sizes: 64x32 (6 images)'
    assert lines[3:5][0] == '  pixels per class (%):' and lines[4].split()[0] == 'road'
    assert '  6 images, labels are not used; all opened' in lines  # the target
    assert '  3 images, 3 labels; all opened' in lines  # validation
    assert 'release' not in outcome.out
    assert lines[-1] == 'no problems found'


def test_several_processes_say_the_same(run, data_options, street_scenes):
    options = ['--cfg-options', *data_options(street_scenes, target=False)]
    outcomes = [run('check_data', SOURCE_ONLY, '--workers', n, *options) for n in (1, 2)]
    assert outcomes[0] == outcomes[1]
    assert 'target (' not in outcomes[0].out


def test_trouble_everywhere_is_listed(check, own_street_scenes, write_png):
    root = own_street_scenes
    (root / 'GTA5/images/00001.png').write_bytes(b'')
    write_png(root / 'GTA5/labels/00002.png', np.full((32, 64), 99, np.uint8))
    train = root / 'cityscapes/leftImg8bit/train/proceduria'
    (train / 'proceduria_000003_000019_leftImg8bit.png').write_bytes(b'')
    shutil.rmtree(root / 'cityscapes/gtFine/train')  # not needed
    val = root / 'cityscapes/gtFine/val/perlinburg'
    os.remove(val / 'perlinburg_000002_000019_gtFine_labelIds.png')
    outcome = check(root)
    assert (outcome.code, outcome.err) == (1, '')
    for words in (
        'unreadable images (1)\n    the image ',
        '00001.png is truncated or not an image',
        'labels with impossible ids (1)\n    the label ',
        '00002.png holds the id 99',
        'proceduria_000003_000019_leftImg8bit.png is truncated',
        'images without labels (1)',
        'perlinburg_000002_000019_gtFine_labelIds.png',
        '  3 images, 2 labels; all opened',
    ):
        assert words in outcome.out
    assert outcome.out.splitlines()[-1] == 'problems: 2 in source, 1 in target, 1 in val'


def test_missing_folders_are_trouble(check, tmp_path):
    outcome = check(tmp_path / 'nowhere')
    assert outcome.code == 1
    assert outcome.out.count('there is no such folder') == 3


def test_max_images(check, street_scenes):
    outcome = check(street_scenes, '--max-images', 2)
    assert outcome.code == 0
    assert '  6 images, 6 labels; 2 images opened' in outcome.out
    assert '  sizes: 64x32 (2 images)' in outcome.out


@pytest.mark.parametrize('option', ['--max-images', '--workers'])
def test_numbers_below_one(check, street_scenes, option):
    assert f'{option}: 0: expected' in check(street_scenes, option, 0).error


def test_missing_config_names_the_nearest(run):
    outcome = run('check_data', str(CONFIG).replace('tiny', 'tinny'))
    assert f'did you mean {CONFIG}?' in outcome.error


def test_config_without_data(run):
    path = CONFIGS / '_base_/default_runtime.py'
    assert f'the config {path} has no data sets' in run('check_data', path).error


def test_labels_without_a_class_and_dangling_links_are_trouble(check, own_street_scenes, write_png):
    for path in (own_street_scenes / 'GTA5/labels').iterdir():
        write_png(path, np.zeros((32, 64), np.uint8))
    outcome = check(own_street_scenes)
    assert outcome.code == 1 and 'PROBLEM: labels without a class (1)' in outcome.out
    assert 'all pixels of the 6 labels are ignored' in outcome.out
    image = own_street_scenes / 'GTA5/images/00003.png'
    image.unlink()
    image.symlink_to('/nowhere/00003.png')
    outcome = check(own_street_scenes)
    assert outcome.code == 1 and f'{image} is a link to /nowhere/00003.png' in outcome.out

"""tools/check_data.py: words, exit codes, and the options."""

import json
import os
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from mmseg.datasets import CityscapesDataset
from mmseg.registry import MODELS
from PIL import Image

from mmseg_gl.config.load import load_config
from mmseg_gl.datasets.label_ids import CITYSCAPES

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
        '00001.png is truncated',
        'labels with impossible ids (1)\n    the label ',
        '00002.png holds the id 99',
        'proceduria_000003_000019_leftImg8bit.png is truncated',
        'images without labels (1)',
        'perlinburg_000002_000019_gtFine_labelIds.png',
        '  3 images, 2 labels; all opened',
    ):
        assert words in outcome.out
    assert outcome.out.splitlines()[-1] == 'problems: 2 in source, 1 in target, 1 in val'


def test_labels_without_a_class_and_dangling_links_are_trouble(check, own_street_scenes, write_png):
    for path in (own_street_scenes / 'GTA5/labels').iterdir():
        write_png(path, np.zeros((32, 64), np.uint8))
    outcome = check(own_street_scenes)
    assert outcome.code == 1 and 'PROBLEM: labels without a class (1)' in outcome.out
    image = own_street_scenes / 'GTA5/images/00003.png'
    image.unlink()
    image.symlink_to('/nowhere/00003.png')
    outcome = check(own_street_scenes)
    assert outcome.code == 1 and f'{image} ' in outcome.out


def test_class_statistics_of_every_data_set(check, own_street_scenes, tmp_path):
    root, path = own_street_scenes, tmp_path / 'classes.json'
    (root / 'GTA5/labels/00002.png').write_bytes(b'not a label')
    assert check(root, '--json', path).code == 1
    found = json.loads(path.read_text())
    assert found['target'] == dict(images=6)
    source, val = found['source'], found['val']
    assert (source['images'], source['unusable_labels']) == (6, 1)
    assert (val['images'], val['unusable_labels']) == (3, 0)
    pixels, images = dict.fromkeys(CITYSCAPES.values(), 0), dict.fromkeys(CITYSCAPES.values(), 0)
    for label in (root / 'cityscapes/gtFine/val').rglob('*_labelIds.png'):
        for id, count in Counter(np.asarray(Image.open(label)).ravel().tolist()).items():
            if id in CITYSCAPES:
                pixels[CITYSCAPES[id]] += count
                images[CITYSCAPES[id]] += 1
    for number, name in enumerate(CityscapesDataset.METAINFO['classes']):
        expected = dict(pixels=pixels[number], images=images[number])
        assert val['classes'][name] == expected
    assert list(root.glob('GTA5/class_statistics_*.json'))  # for rare-class sampling
    assert f'--json {path}' in check(root, '--json', path).error


def test_statistics_of_folders_that_are_missing(check, tmp_path):
    assert check(tmp_path / 'nowhere', '--json', tmp_path / 'classes.json').code == 1
    assert json.loads((tmp_path / 'classes.json').read_text()) == {}


def test_imagenet_weights_are_checked(run, data_options, street_scenes, tmp_path):
    weights, config = tmp_path / 'imagenet.pth', tmp_path / 'config.py'
    start = f"init_cfg=dict(_delete_=True, type='Pretrained', checkpoint='{weights}')"
    config.write_text(
        f"_base_ = '{SOURCE_ONLY}'\nmodel = dict(segmentor=dict(backbone=dict({start})))\n"
    )
    options = ['--cfg-options', *data_options(street_scenes, target=False)]
    command = ['check_data', config, '--workers', 1, *options]
    outcome = run(*command)
    assert outcome.code == 1
    assert 'DeepLab_resnet_pretrained_init-f81d91e8.pth' in outcome.out  # where to get them
    assert run(*command, f'load_from={weights}').code == 0  # then the file is not needed
    backbone = MODELS.build(load_config(SOURCE_ONLY).model).segmentor.backbone
    torch.save(backbone.state_dict(), weights)
    outcome = run(*command)
    assert outcome.code == 0 and str(weights) in outcome.out
    torch.save({'conv1.weight': backbone.conv1.weight}, weights)
    assert run(*command).code == 1

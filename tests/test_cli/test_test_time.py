"""tools/test.py --tta and --adapt, from the command line to metrics.json."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from mmseg.registry import MODELS

from mmseg_gl.config.load import load_config

CONFIGS = Path(__file__).parents[2] / 'configs'
DACS = CONFIGS / 'dacs/dacs_deeplabv2-tiny_street-scenes.py'  # batch norm


@pytest.fixture
def tested(run, own_street_scenes, monkeypatch, tmp_path):
    """Test a random network on the validation images, twice; return metrics.json."""
    monkeypatch.setenv('STREET_SCENES', str(own_street_scenes))
    shutil.rmtree(own_street_scenes / 'cityscapes/gtFine/train')  # nothing reads these labels
    config = tmp_path / 'config.py'
    config.write_text(f"""
_base_ = [{str(DACS)!r}]
other_test_dataloaders = dict(again=_base_.test_dataloader)
""")
    torch.manual_seed(0)
    model = MODELS.build(load_config(config).model)
    for layer in model.teacher.module.decode_head.branches:
        torch.nn.init.normal_(layer.weight, std=0.2)
    torch.save(dict(meta={}, state_dict=model.state_dict()), tmp_path / 'weights.pth')

    def tested(*options):
        arguments = [config, tmp_path / 'weights.pth', '--work-dir', tmp_path / 'work', *options]
        outcome = run('test', *arguments)
        assert outcome.code == 0, outcome.err
        metrics = json.loads((tmp_path / 'work/metrics.json').read_text())
        again = metrics.pop('other_test_sets')['again']
        assert again == {name: metrics[name] for name in again}  # what tent has learned is gone
        for name in ('confusion.json', 'confusion.png', 'per_image.json'):
            stem, suffix = name.split('.')
            of_again = tmp_path / f'work/{stem}_again.{suffix}'
            assert of_again.read_bytes() == (tmp_path / 'work' / name).read_bytes()
        return metrics

    return tested


def test_protocols_and_figures(tested, own_street_scenes):
    plain = tested()
    images = own_street_scenes / 'cityscapes/leftImg8bit/train'
    adapted = {}
    for options in (
        ('--tta', 0.5, 1),
        ('--adapt', 'bn'),
        ('--adapt', 'bn', '--adapt-images', images),
        ('--adapt', 'tent', '--adapt-lr', 0.1),
    ):
        metrics = adapted[options] = tested(*options)
        assert metrics['protocol'].startswith(plain['protocol'] + '; ')
        assert metrics['mIoU'] != plain['mIoU']
        assert metrics['test_time'] and 'test_time' not in plain
    _, of_config, of_folder, _ = adapted.values()
    assert 'of 6 target training images' in of_config['protocol']
    assert f'of 6 images of {images}' in of_folder['protocol']
    assert of_config['mIoU'] == of_folder['mIoU']

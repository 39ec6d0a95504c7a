"""tools/embed.py: two checkpoints in one picture."""

import json
from pathlib import Path

import pytest
import torch
from mmseg.registry import MODELS
from PIL import Image

from mmseg_gl.config.load import load_config

CONFIGS = Path(__file__).parents[2] / 'configs'
CONFIG = CONFIGS / 'adaptsegnet/adaptsegnet_deeplabv2-tiny_street-scenes.py'


@pytest.fixture
def embed(run, street_scenes, monkeypatch, tmp_path):
    monkeypatch.setenv('STREET_SCENES', str(street_scenes))
    paths = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        state = MODELS.build(load_config(CONFIG).model).state_dict()
        paths.append(tmp_path / f'run_{seed}/iter_1.pth')
        paths[-1].parent.mkdir()
        torch.save(dict(meta={}, state_dict=state), paths[-1])

    def embed(name, *options):
        outcome = run('embed', CONFIG, *paths, '--out', tmp_path / f'{name}.png', *options)
        assert outcome.code == 0, outcome.err
        record = json.loads((tmp_path / f'{name}.json').read_text())
        return (tmp_path / f'{name}.png'), record['checkpoints']

    return embed


def test_picture_and_distances(embed):
    picture, first = embed('first', '--points', 20)
    assert [network['name'] for network in first] == ['run_0/iter_1', 'run_1/iter_1']
    assert first[0]['distance'] != first[1]['distance'] and 'road' in first[0]['distance_of_class']
    assert Image.open(picture).width > Image.open(picture).height
    again, distances = embed('again', '--points', 20)
    assert again.read_bytes() == picture.read_bytes() and distances == first
    other, distances = embed('other', '--points', 20, '--seed', 1)
    assert distances != first


def test_outputs_with_predicted_classes(embed):
    _, networks = embed('outputs', '--what', 'outputs', '--target-labels', 'predicted')
    assert len(networks) == 2


def test_tsne(embed):
    pytest.importorskip('sklearn')
    embed('tsne', '--method', 'tsne', '--points', 3)

"""tools/translate.py: every image, in one piece, of one checkpoint."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS
from PIL import Image

from mmseg_gl.config.load import load_config

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / 'configs/bdl/cyclegan_street-scenes.py'
SMALL = {'model.generator.channels': 4, 'model.generator.num_blocks': 1}


def write_checkpoint(path, seed):
    torch.manual_seed(seed)
    model = MODELS.build(load_config(CONFIG, SMALL).model)
    model.init_weights()
    torch.save(dict(meta={}, state_dict=model.state_dict()), path)
    return model.generators['source_to_target']


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / 'checkpoint.pth'
    write_checkpoint(path, seed=0)
    return path


@pytest.fixture
def translate(run, street_scenes, checkpoint, tmp_path):
    """Run the tool on the tiny benchmark; it writes to tmp_path/out."""

    def translate(*options, config=CONFIG, weights=checkpoint, data=street_scenes):
        changes = [f'{key}={value}' for key, value in SMALL.items()]
        changes += [f'translation_dataset.data_root={data}/GTA5', *options]
        return run(
            *('translate', config, weights, '--out', tmp_path / 'out', '--workers', 0),
            *('--cfg-options', *changes),
        )

    return translate


def test_all_images(translate, own_street_scenes, checkpoint, tmp_path):
    folder = own_street_scenes / 'GTA5/images'
    odd = np.random.default_rng(0).integers(0, 256, (31, 46, 3), dtype=np.uint8)
    (folder / 'deep').mkdir()
    Image.fromarray(odd).save(folder / 'deep/odd.png')
    outcome = translate(data=own_street_scenes)
    assert outcome.code == 0, outcome.err
    assert '7 translated images are in' in outcome.out
    written = sorted(p.relative_to(tmp_path / 'out/images') for p in find(tmp_path / 'out/images'))
    assert written == sorted(p.relative_to(folder) for p in find(folder))
    generator = write_checkpoint(tmp_path / 'again.pth', seed=0)
    for name in written:
        original = np.asarray(Image.open(folder / name).convert('RGB')).copy()
        with Image.open(tmp_path / 'out/images' / name) as image:
            assert image.mode == 'RGB'
            pixels = np.asarray(image)
        inputs = torch.from_numpy(original).permute(2, 0, 1)[None] / 127.5 - 1
        with torch.no_grad():
            expected = (generator(inputs)[0].permute(1, 2, 0).numpy() + 1) * 127.5
        assert pixels.shape == original.shape and np.abs(pixels - expected).max() < 0.51
    record = json.loads((tmp_path / 'out/translation.json').read_text())
    assert record['complete'] is True and record['images'] == 7
    assert record['checkpoint'] == str(checkpoint) and record['config'] == str(CONFIG)
    assert len(record['generator']) == 64


def find(folder):
    return [path for path in folder.rglob('*') if path.is_file()]


def test_a_run_that_was_stopped_goes_on(translate, tmp_path):
    assert translate().code == 0
    images = tmp_path / 'out/images'
    before = {path: path.read_bytes() for path in find(images)}
    (images / '00001.png').rename(images / '00001.png.tmp')
    (images / '00002.png').unlink()
    (images / '00003.png').write_bytes(b'not looked at')
    record = tmp_path / 'out/translation.json'
    record.write_text(record.read_text().replace('"complete": true', '"complete": false'))
    outcome = translate()
    assert outcome.code == 0
    assert '4 of 6 images' in outcome.out
    assert json.loads(record.read_text())['complete'] is True
    for path in find(images):
        assert path.read_bytes() == before[path] or path.name == '00003.png'
    assert len(find(images)) == 6
    outcome = translate()
    assert '6 of 6 images' in outcome.out and outcome.code == 0


def test_translations_are_not_mixed(translate, own_street_scenes, tmp_path):
    assert translate().code == 0
    write_checkpoint(tmp_path / 'other.pth', seed=1)
    error = translate(weights=tmp_path / 'other.pth').error
    assert 'translation.json: generator' in error
    error = translate(data=own_street_scenes).error
    assert 'translation.json: dataset.data_root' in error

"""tools/infer.py: labels and colours of images of any size, equal to those of tools/test.py."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from mmseg.datasets import CityscapesDataset
from mmseg.registry import MODELS
from PIL import Image

from mmseg_gl.config.load import load_config

CONFIG = Path(__file__).parents[2] / (
    'configs/source_only/source-only_deeplabv2-tiny_street-scenes.py'
)
VAL = 'cityscapes/leftImg8bit/val/perlinburg'
PALETTE = np.array(CityscapesDataset.METAINFO['palette'], np.uint8)


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    """The tiny network, not trained, whose predictions vary."""
    torch.manual_seed(0)
    model = MODELS.build(load_config(CONFIG).model)
    for parameter in model.segmentor.decode_head.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    path = tmp_path_factory.mktemp('checkpoint') / 'tiny.pth'
    torch.save(dict(meta={}, state_dict=model.state_dict()), path)
    return path


@pytest.fixture
def infer(run, checkpoint, tmp_path):
    def infer(images, out='out', weights=checkpoint, more=()):
        return run('infer', CONFIG, weights, images, '--out', tmp_path / out, *more)

    return infer


@pytest.mark.parametrize('num_workers', [0, 1])
def test_same_as_the_test_tool(run, checkpoint, street_scenes, data_options, tmp_path, num_workers):
    options = [
        *data_options(street_scenes, target=False),
        f'test_dataloader.num_workers={num_workers}',
        'custom_hooks=None',
    ]
    command = [CONFIG, checkpoint, '--out', tmp_path / 'test', '--work-dir', tmp_path / 'work']
    assert run('test', *command, '--cfg-options', *options).code == 0
    command = [CONFIG, checkpoint, street_scenes / VAL, '--out', tmp_path / 'infer']
    outcome = run('infer', *command, '--cfg-options', *options)
    assert outcome.code == 0, outcome.err
    assert f'wrote 3 predictions to {tmp_path}/infer, ' in outcome.out
    assert outcome.out.splitlines()[-1].endswith(' images/s')
    names = sorted(path.name for path in (street_scenes / VAL).iterdir())
    for name in names:
        theirs = np.asarray(Image.open(tmp_path / 'test' / name))
        ours = Image.open(tmp_path / 'infer/labels' / name)
        assert (ours.mode, ours.size) == ('P', (64, 32))
        np.testing.assert_array_equal(ours, theirs)
        assert len(np.unique(theirs)) > 2
        colours = Image.open(tmp_path / 'infer/colour' / name)
        np.testing.assert_array_equal(colours, PALETTE[theirs])
        np.testing.assert_array_equal(ours.convert('RGB'), PALETTE[theirs])


@pytest.fixture
def photos(tmp_path):
    """Images of several sizes, modes and formats, in subfolders."""
    folder = tmp_path / 'photos'
    generator = np.random.default_rng(0)
    for name, shape in (
        ('a.JPG', (50, 33, 3)),
        ('deep/er/b.png', (7, 90, 4)),
        ('deep/c.jpeg', (40, 40)),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(0, 256, shape).astype(np.uint8)
        Image.fromarray(pixels).save(folder / name)
    (folder / 'notes.txt').write_text('no image')
    return folder


def test_any_size_and_subfolders(infer, photos, tmp_path):
    assert infer(photos).code == 0
    for kind in ('labels', 'colour'):
        written = {
            str(path.relative_to(tmp_path / 'out' / kind)): Image.open(path).size
            for path in (tmp_path / 'out' / kind).rglob('*.*')
        }
        assert written == {'a.png': (33, 50), 'deep/er/b.png': (90, 7), 'deep/c.png': (40, 40)}


def test_overlay_is_the_mean_of_image_and_colours(infer, photos, tmp_path):
    assert infer(photos).code == 0
    assert 'overlay' not in {path.name for path in (tmp_path / 'out').iterdir()}
    assert infer(photos, more=['--overlay']).code == 0  # goes on with the folder
    for path, name in ((photos / 'deep/er/b.png', 'deep/er/b.png'), (photos / 'a.JPG', 'a.png')):
        image, colours, overlay = (
            np.asarray(Image.open(file).convert('RGB'), int)
            for file in (path, tmp_path / 'out/colour' / name, tmp_path / 'out/overlay' / name)
        )
        assert abs(overlay - (image + colours) / 2).max() <= 0.5


def test_one_image(infer, photos, tmp_path, monkeypatch):
    monkeypatch.chdir(photos)
    assert infer('a.JPG').code == 0
    assert [p.name for p in (tmp_path / 'out/labels').iterdir()] == ['a.png']
    assert infer(photos / 'deep/er/b.png', out='other').code == 0
    assert [p.name for p in (tmp_path / 'other/colour').iterdir()] == ['b.png']


def test_full_disk_and_the_same_command_again(infer, photos, checkpoint, tmp_path, monkeypatch):
    assert infer(photos, out='straight').code == 0
    fsync, calls = os.fsync, []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) == 7:  # two calls a file: the record, the two of an image, and a label
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, 'fsync', full)
        assert 'run the same command again' in infer(photos).error
    outcome = infer(photos)
    assert outcome.code == 0, outcome.err
    assert '1 of 3 images' in outcome.out
    paths = [path.relative_to(tmp_path / 'out') for path in (tmp_path / 'out').rglob('*')]
    assert len(paths) == 2 * (3 + 3) + 1
    for path in paths:
        if (tmp_path / 'out' / path).is_file():
            assert (tmp_path / 'out' / path).read_bytes() == (
                tmp_path / 'straight' / path
            ).read_bytes()
    weights = torch.load(checkpoint)['state_dict']
    weights['segmentor.decode_head.branches.0.weight'][:] = 0
    torch.save(weights, tmp_path / 'other.pth')
    error = infer(photos, weights=tmp_path / 'other.pth').error
    assert 'inference.json: weights' in error
    assert 'inference.json: images' in infer(photos / 'deep').error

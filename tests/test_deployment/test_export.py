"""Exported networks predict what the published file does."""

import importlib.util
import io
import json
import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.export import Dim

import mmseg_gl
from mmseg_gl.deployment.export import to_torch
from mmseg_gl.errors import UserError

onnxruntime = pytest.importorskip('onnxruntime')
SIZES = {'tiny': [(96, 192), (50, 70)], 'segformer': [(96, 192), (64, 96)], 'hrda': [(96, 192)]}


@pytest.fixture
def images():
    """The function that makes images of random blots, (N, H, W, 3) uint8."""
    generator = np.random.default_rng(1)

    def images(number, height, width):
        blots = generator.integers(0, 256, (number, 7, 9, 3), dtype=np.uint8)
        resized = [Image.fromarray(image).resize((width, height)) for image in blots]
        return np.stack([np.asarray(image) for image in resized])

    return images


def check(model, network, images, sizes):
    """Assert that labels agree with the predictor's and logits with its probabilities.

    The images have the size of the network's input, so that nothing is resized.
    """
    model.steps = model.steps[-1:]
    for number, size in enumerate(sizes, 1):
        pixels = images(number, *size)
        logits, labels = network(np.float32(pixels).transpose(0, 3, 1, 2))
        for image, own_logits, own_labels in zip(pixels, logits, labels):
            expected = model.predict(image, probabilities=True)
            probabilities = np.exp(own_logits - own_logits.max(axis=0))
            probabilities /= probabilities.sum(axis=0)
            np.testing.assert_allclose(probabilities, expected.probabilities, atol=1e-4)
            assert own_labels.dtype == np.uint8
            assert np.mean(own_labels == expected.labels) > 0.999


@pytest.mark.slow
@pytest.mark.parametrize('name', SIZES)
def test_onnx(publish, run, images, tmp_path, name):
    file, out = publish(name), tmp_path / 'network.onnx'
    outcome = run('export_onnx', file, out)
    assert outcome.code == 0, outcome.err
    session = onnxruntime.InferenceSession(out)
    check(
        mmseg_gl.load(file),
        lambda pixels: session.run(['logits', 'labels'], {'images': pixels}),
        images,
        SIZES[name],
    )
    about = session.get_modelmeta().custom_metadata_map
    assert json.loads(about['classes'])[0] == 'road' and json.loads(about['size']) == [96, 192]


@pytest.mark.parametrize('name', ['tiny', 'segformer'])
def test_torch_export(publish, run, images, tmp_path, name):
    file, out = publish(name), tmp_path / 'network.pt2'
    options = ['--format', 'pt2', '--fixed-size', '--size', '32x64']
    outcome = run('export_onnx', file, out, *options)
    assert outcome.code == 0, outcome.err
    network = torch.export.load(io.BytesIO(out.read_bytes())).module(check_guards=False)

    def run_network(pixels):
        return [tensor.detach().numpy() for tensor in network(torch.from_numpy(pixels))]

    check(mmseg_gl.load(file), run_network, images, [(32, 64)])


class Half(nn.Module):
    """A network whose code with the size is more than PyTorch's format can hold."""

    def forward(self, x):
        return x[:, : math.ceil(x.shape[1] / 2)]


def test_networks_that_pytorch_cannot_write():
    program = torch.export.export(Half(), (torch.zeros(2, 9),), dynamic_shapes=({1: Dim.AUTO},))
    with pytest.raises(UserError, match='try --fixed-size'):
        to_torch(program, {})


def wrong(images):
    return torch.zeros(1), torch.zeros(1)


def failing(images):
    raise RuntimeError('wrong shape')


@pytest.mark.parametrize(
    'network, message', [(wrong, 'does not agree'), (failing, 'cannot take 2 images of 96x192')]
)
def test_network_that_does_not_agree(publish, run, tmp_path, monkeypatch, network, message):
    """Nothing is written."""
    monkeypatch.setattr('mmseg_gl.cli.export_onnx.export', lambda *_: None)
    monkeypatch.setattr('mmseg_gl.cli.export_onnx.is_dynamic', lambda _: (True, True))
    monkeypatch.setattr('mmseg_gl.cli.export_onnx.to_torch', lambda *_: b'')
    monkeypatch.setattr('mmseg_gl.cli.export_onnx.torch_network', lambda _: network)
    outcome = run('export_onnx', publish('tiny'), tmp_path / 'out', '--format', 'pt2')
    assert message in outcome.error and not (tmp_path / 'out').exists()


def test_packages_that_are_missing(publish, run, tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        'mmseg_gl.errors.find_spec', lambda name: None if name == 'onnxscript' else find(name)
    )
    assert 'mmseg-gl[onnx]' in run('export_onnx', publish('tiny'), tmp_path / 'out.onnx').error

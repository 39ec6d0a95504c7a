"""What several tests share: PNG files written by hand, tools run in-process, a tiny benchmark."""

import contextlib
import importlib
import io
import shutil
import struct
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from mmengine.logging import MessageHub, MMLogger
from mmseg.visualization import SegLocalVisualizer

from mmseg_gl.cli.tool import run_tool
from mmseg_gl.street_scenes import StreetScenesConfig, generate

ROOT = Path(__file__).parents[1]
PNG_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # number of channels -> grey, grey + alpha, RGB, RGBA


def write_png_by_hand(path, pixels):
    """Write (H, W) or (H, W, C) uint8 or uint16 pixels as a PNG, channels in the given order.

    Independent of every image library, which differ in what they do with 16 bits and few channels.
    """
    pixels = np.asarray(pixels)
    height, width, channels = (*pixels.shape, 1)[:3]
    big_endian = pixels.astype(pixels.dtype.newbyteorder('>'))
    lines = b''.join(b'\0' + row.tobytes() for row in big_endian)  # filter type 0: none
    header = struct.pack(
        '>IIBBBBB', width, height, 8 * pixels.itemsize, PNG_COLOUR_TYPES[channels], 0, 0, 0
    )
    chunks = ((b'IHDR', header), (b'IDAT', zlib.compress(lines)), (b'IEND', b''))
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        b'\x89PNG\r\n\x1a\n'
        + b''.join(
            struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
            for kind, data in chunks
        )
    )
    return str(path)


@pytest.fixture(scope='session')
def write_png():
    """The function that writes a PNG without an image library: (path, pixels) -> path."""
    return write_png_by_hand


@pytest.fixture(scope='session', autouse=True)
def settings_without_layout():
    """Formatting the settings takes as long as a short run."""
    with mock.patch('yapf.yapflib.yapf_api.FormatCode', lambda text, **_: (text, True)):
        yield


@dataclass
class Outcome:
    """How a tool ended."""

    code: int
    out: str
    err: str

    @property
    def error(self):
        """The only line on stderr; fails unless it is one 'error: ' sentence with exit code 2."""
        lines = self.err.splitlines()
        assert len(lines) == 1 and lines[0].startswith('error: '), self.err
        assert self.code == 2
        return lines[0]


def run_in_process(name, *arguments):
    """Run a tool in this process."""
    module = importlib.import_module(f'mmseg_gl.cli.{name}')
    for named_globals in (MMLogger, MessageHub, SegLocalVisualizer):
        named_globals._instance_dict.clear()  # else runs of the same second would share them
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, 'argv', [module.__file__, *map(str, arguments)]),
        mock.patch('gc.collect'),  # slow
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as exit_info,
    ):
        run_tool(module.main)
    return Outcome(exit_info.value.code or 0, out.getvalue(), err.getvalue())


@pytest.fixture(scope='session')
def run():
    """The function that runs a tool: ``run('train', config, '--seed', 1)`` is an Outcome."""
    return run_in_process


@pytest.fixture(scope='session')
def street_scenes(tmp_path_factory):
    """A tiny benchmark (6 source, 6 target, 3 validation images of 64x32) to read only."""
    folder = tmp_path_factory.mktemp('data') / 'street_scenes'
    generate(StreetScenesConfig(height=32, width=64, train=6, val=3), folder, workers=1)
    return folder


@pytest.fixture
def own_street_scenes(street_scenes, tmp_path):
    """A copy of the tiny benchmark to damage."""
    return Path(shutil.copytree(street_scenes, tmp_path / 'street_scenes'))


@pytest.fixture(scope='session')
def camvid(tmp_path_factory):
    """Eight frames of CamVid in the true layout and names, at 48x36, to read only.

    Their labels have 0 to 11 (unlabelled) in columns of four pixels.
    """
    folder = tmp_path_factory.mktemp('data') / 'camvid'
    label = np.repeat(np.arange(12, dtype=np.uint8), 4)[None].repeat(36, axis=0)
    generator = np.random.default_rng(0)
    for name in (
        *('train/0001TP_006690', 'train/0001TP_006720', 'train/0006R0_f00930'),
        *('train/0016E5_00390', 'val/0016E5_07959'),
        *('test/0001TP_008550', 'test/0001TP_008580', 'test/Seq05VD_f00000'),
    ):
        pixels = generator.integers(0, 256, (36, 48, 3), dtype=np.uint8)
        write_png_by_hand(folder / f'{name}.png', pixels)
        write_png_by_hand(folder / f'{name.replace("/", "annot/")}.png', label)
    return folder


@pytest.fixture(scope='session')
def data_options():
    """The function that lists the ``--cfg-options`` which point a street-scenes config to a folder.

    With a target (adaptsegnet and others) or without (source-only).
    """

    def options(folder, target=True):
        roots = {
            'train_dataloader.dataset.source': 'GTA5',
            **({'train_dataloader.dataset.target': 'cityscapes'} if target else {}),
            'val_dataloader.dataset': 'cityscapes',
            'test_dataloader.dataset': 'cityscapes',
        }
        return [f'{key}.data_root={folder}/{name}' for key, name in roots.items()]

    return options

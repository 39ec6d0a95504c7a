"""LoadImage: PIL's pixels, as BGR; broken files are named."""

import os

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image, PngImagePlugin

from mmseg_gl.datasets import LoadImage
from mmseg_gl.errors import UserError


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


def load(path, **options):
    return LoadImage(**options).transform(dict(img_path=str(path)))


def test_rgb_png_becomes_bgr(tmp_path, write_png, pixels):
    results = load(write_png(tmp_path / 'a.png', pixels))
    np.testing.assert_array_equal(results['img'], pixels[..., ::-1])
    assert results['img'].dtype == np.uint8 and results['img'].flags['C_CONTIGUOUS']
    assert results['img_shape'] == results['ori_shape'] == (5, 7)


def test_jpeg_is_decoded_as_pil_does(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / 'a.jpg')
    expected = np.asarray(Image.open(tmp_path / 'a.jpg'))[..., ::-1]
    np.testing.assert_array_equal(load(tmp_path / 'a.jpg')['img'], expected)


@pytest.mark.parametrize('name, kind', [('a.jpg', 'MPO'), ('a.png', 'PNG')])
def test_the_first_of_several_images_in_a_file(tmp_path, pixels, name, kind):
    images = [Image.fromarray(pixels), Image.fromarray(255 - pixels)]
    images[0].save(tmp_path / name, kind, save_all=True, append_images=images[1:])
    images[0].save(tmp_path / f'alone_{name}')
    loaded = load(tmp_path / name)['img']
    np.testing.assert_array_equal(loaded, load(tmp_path / f'alone_{name}')['img'])


@pytest.mark.parametrize('channels', [1, 2, 4])
def test_other_modes_become_three_channels(tmp_path, write_png, pixels, channels):
    grey = pixels[..., :1]
    alpha = np.full_like(grey, 255)
    layouts = {1: grey[..., 0], 2: np.dstack([grey, alpha]), 4: np.dstack([pixels, alpha])}
    expected = pixels if channels == 4 else grey.repeat(3, axis=2)
    loaded = load(write_png(tmp_path / 'a.png', layouts[channels]))['img']
    np.testing.assert_array_equal(loaded, expected[..., ::-1])


@pytest.mark.parametrize('make', [os.mkdir, os.mkfifo, lambda path: path.symlink_to('/dev/zero')])
def test_what_is_no_file(tmp_path, make):
    make(tmp_path / 'a.png')
    with pytest.raises(UserError, match=r'/a\.png is a folder'):
        load(tmp_path / 'a.png')


@pytest.mark.parametrize('name', ['a.png', 'a.jpg'])
def test_limit_of_pixels(tmp_path, pixels, name):
    Image.fromarray(pixels).save(tmp_path / name)
    assert load(tmp_path / name, max_megapixels=35e-6)['img_shape'] == (5, 7)
    with pytest.raises(UserError, match=rf'{name} has 7x5 pixels, .*max_megapixels=3.4e-05'):
        load(tmp_path / name, max_megapixels=34e-6)


@pytest.mark.parametrize('number', [0, -1, float('nan'), '64', None])
def test_limit_that_is_none(number):
    with pytest.raises(UserError, match='max_megapixels='):
        LoadImage(max_megapixels=number)


def test_limit_above_that_of_pil(tmp_path, write_png, pixels, monkeypatch):
    path = write_png(tmp_path / 'a.png', pixels)
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 1)
    assert load(path)['img_shape'] == (5, 7)


@pytest.mark.parametrize('kind', ['BMP', 'DDS', 'EPS', 'GIF', 'TIFF', 'WEBP'])
def test_other_formats_stay_closed(tmp_path, pixels, monkeypatch, kind):
    monkeypatch.setattr(EpsImagePlugin, 'Ghostscript', None)  # starts an interpreter
    Image.fromarray(pixels).save(tmp_path / 'a.png', kind)
    with pytest.raises(UserError, match=r'/a\.png is truncated or not'):
        load(tmp_path / 'a.png')


def test_text_that_swells_when_it_is_unpacked(tmp_path, pixels):
    info = PngImagePlugin.PngInfo()
    info.add_text('comment', ' ' * 10_000_000, zip=True)
    Image.fromarray(pixels).save(tmp_path / 'a.png', pnginfo=info)
    assert (tmp_path / 'a.png').stat().st_size < 50_000
    with pytest.raises(UserError, match=r'/a\.png is truncated'):
        load(tmp_path / 'a.png')


@pytest.mark.parametrize('kept', [0, 20, -30])
def test_truncated_file_is_named(tmp_path, write_png, pixels, kept):
    path = tmp_path / 'a.png'
    write_png(path, pixels)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match=r'the image .*/a\.png is truncated'):
        load(path)


@pytest.mark.parametrize('channels', [2, 3, 4])
def test_16_bits(tmp_path, write_png, channels):
    path = write_png(tmp_path / 'deep.png', np.full((4, 5, channels), 3976, np.uint16))
    with pytest.raises(UserError, match='more than 8 bits'):
        load(path)

"""LoadImage: PIL's pixels, as BGR; broken files are named."""

import numpy as np
import pytest
from PIL import Image

from mmseg_gl.datasets import LoadImage
from mmseg_gl.errors import UserError


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


def load(path):
    return LoadImage().transform(dict(img_path=str(path)))


def test_rgb_png_becomes_bgr(tmp_path, write_png, pixels):
    results = load(write_png(tmp_path / 'a.png', pixels))
    np.testing.assert_array_equal(results['img'], pixels[..., ::-1])
    assert results['img'].dtype == np.uint8 and results['img'].flags['C_CONTIGUOUS']
    assert results['img_shape'] == results['ori_shape'] == (5, 7)


def test_jpeg_is_decoded_as_pil_does(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / 'a.jpg')
    expected = np.asarray(Image.open(tmp_path / 'a.jpg'))[..., ::-1]
    np.testing.assert_array_equal(load(tmp_path / 'a.jpg')['img'], expected)


@pytest.mark.parametrize('channels', [1, 2, 4])
def test_other_modes_become_three_channels(tmp_path, write_png, pixels, channels):
    grey = pixels[..., :1]
    alpha = np.full_like(grey, 255)
    layouts = {1: grey[..., 0], 2: np.dstack([grey, alpha]), 4: np.dstack([pixels, alpha])}
    expected = pixels if channels == 4 else grey.repeat(3, axis=2)
    loaded = load(write_png(tmp_path / 'a.png', layouts[channels]))['img']
    np.testing.assert_array_equal(loaded, expected[..., ::-1])


def test_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r'cannot read the image .*/a\.png: No such file'):
        load(tmp_path / 'a.png')


def test_folder_in_place_of_a_file(tmp_path):
    with pytest.raises(UserError, match='cannot read the image .*: Is a directory'):
        load(tmp_path)


@pytest.mark.parametrize('kept', [0, 4, 20, 40, -30])
def test_truncated_file_is_named(tmp_path, write_png, pixels, kept):
    path = tmp_path / 'a.png'
    write_png(path, pixels)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match=r'the image .*/a\.png is truncated or not an image'):
        load(path)


def test_text_in_place_of_an_image(tmp_path):
    (tmp_path / 'a.png').write_text('<html>404</html>')
    with pytest.raises(UserError, match=r'/a\.png is truncated or not an image.*copy it anew'):
        load(tmp_path / 'a.png')

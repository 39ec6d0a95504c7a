import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from PIL.Image import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from mmseg_gl.errors import UserError

MAX_MEGAPIXELS = 64
# Not Image.open: it has its own size limit for the whole process and supports many more formats,
# some of which start other programs.
READERS = {b'\x89PNG\r\n\x1a\n': PngImageFile, b'\xff\xd8\xff': JpegImageFile}


@TRANSFORMS.register_module()
class LoadImage(BaseTransform):
    """Read a PNG or JPEG with PIL as 8-bit colour, as the official codes do.

    From a file with several images (MPO, as some phones write; animated PNG) it takes the first.

    Needs ``img_path``; adds ``img`` (uint8, (H, W, 3), BGR), ``img_shape`` and ``ori_shape``.

    Args:
        max_megapixels: Larger images are refused before they are decoded, as a file of a few
            kilobytes can hold a billion pixels.

    Raises:
        UserError: If the file is missing, truncated, too large or not an 8-bit image.
    """

    def __init__(self, max_megapixels: float = MAX_MEGAPIXELS) -> None:
        self.max_megapixels = check_max_megapixels(max_megapixels)

    def transform(self, results: dict) -> dict:
        results['img'] = np.ascontiguousarray(self.read(results['img_path'])[..., ::-1])
        results['img_shape'] = results['ori_shape'] = results['img'].shape[:2]
        return results

    def read(self, path: str) -> np.ndarray:
        """Return the (H, W, 3) RGB pixels in a file."""
        return np.asarray(read_pil(path, 'image', self.max_megapixels, mode='RGB'))

    def __repr__(self) -> str:
        return f'LoadImage(max_megapixels={self.max_megapixels})'


def check_max_megapixels(number: float) -> float:
    """Return ``number``; raise a UserError unless it is a number above 0."""
    if not isinstance(number, int | float) or not number > 0:
        raise UserError(f'max_megapixels={number!r}: expected a number above 0')
    return number


@contextmanager
def open_image(path: str, what: str, max_megapixels: float) -> Iterator[Image]:
    """Open a PNG or JPEG file and decode only its header.

    Args:
        path: The file.
        what: Kind of the file in error messages, e.g. 'label'.
        max_megapixels: Larger images are refused.

    Yields:
        The image. Errors while the caller decodes it are raised as UserError, too.

    Raises:
        UserError: If the file cannot be read; names the file.
    """
    try:
        if os.path.exists(path) and not os.path.isfile(path):  # opening a pipe would wait for ever
            raise UserError(f'the {what} {path} is a folder, a pipe or a device; expected a file')
        with open(path, 'rb') as file:
            start = file.read(8)
            file.seek(0)
            readers = [reader for magic, reader in READERS.items() if start.startswith(magic)]
            if not readers:
                raise ValueError('unknown format')
            image = readers[0](file)
            width, height = image.size
            if width * height / 1e6 > max_megapixels:
                raise UserError(
                    f'the {what} {path} has {width}x{height} pixels, more than the max_megapixels='
                    f'{max_megapixels:g} of the pipeline step that reads it: scale it down, or '
                    'raise that option'
                )
            yield image
    except UserError:
        raise
    except Exception as error:  # decoders raise anything on damaged files
        if isinstance(error, OSError) and error.errno:
            raise UserError(f'cannot read the {what} {path}: {error.strerror}') from error
        reason = str(error) or type(error).__name__
        raise UserError(
            f'the {what} {path} is truncated or not a PNG or JPEG image ({reason}); convert it, '
            'or copy it again'
        ) from error


def read_pil(path: str, what: str, max_megapixels: float, mode: str | None = None) -> Image:
    """Decode an image file with PIL; arguments and errors as in :func:`open_image`."""
    with open_image(path, what, max_megapixels) as image:
        in_file = str(image.tile[0][3]) if image.tile else ''  # e.g. RGB;16B
        image.load()
        # PIL would cut 16 bits off at 255 or take their high byte, and spread 2 or 4 over 0 to 255.
        if mode == 'RGB' and (image.mode.startswith(('I', 'F')) or in_file.endswith(';16B')):
            raise UserError(
                f'the {what} {path} has more than 8 bits per channel (its mode is '
                f'{image.mode}); expected 8-bit colour or grey'
            )
        if mode is None and in_file in ('L;2', 'L;4'):
            raise UserError(
                f'the {what} {path} is a grey PNG of {in_file[2]} bits; expected 8: save it anew '
                'with the same ids, or as a palette PNG'
            )
        return image.convert(mode) if mode else image

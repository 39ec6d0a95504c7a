import io

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine import fileio
from mmseg.registry import TRANSFORMS
from PIL import Image, UnidentifiedImageError

from mmseg_gl.errors import UserError


@TRANSFORMS.register_module()
class LoadImage(BaseTransform):
    """Read an image with PIL as 8-bit colour, as the official codes do; say which file is broken.

    Needs ``img_path``; adds ``img`` (uint8, (H, W, 3), BGR), ``img_shape`` and ``ori_shape``.

    Raises:
        UserError: When the file is missing, truncated or not an 8-bit image.
    """

    def transform(self, results):
        image = np.asarray(read_pil(results['img_path'], 'image', mode='RGB'))
        results['img'] = np.ascontiguousarray(image[..., ::-1])
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results

    def __repr__(self):
        return 'LoadImage()'


def read_bytes(path, what):
    """Return a file's bytes, or raise a UserError that names it."""
    try:
        return fileio.get(path)
    except OSError as error:
        raise UserError(f'cannot read the {what} {path}: {error.strerror or error}') from error


def read_pil(path, what, mode=None):
    """Decode a whole image file with PIL, or raise a UserError that names it."""
    data = read_bytes(path, what)
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            if mode == 'RGB' and image.mode.startswith(('I', 'F')):  # PIL would cut it off at 255
                raise UserError(
                    f'the {what} {path} has more than 8 bits per channel (its mode is '
                    f'{image.mode}); expected 8-bit colour or grey'
                )
            copy = image.convert(mode) if mode else image.copy()
            copy.info['format'] = image.format  # of the file; PIL forgets it
            return copy
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = 'unknown format' if isinstance(error, UnidentifiedImageError) else error
        raise UserError(
            f'the {what} {path} is truncated or not an image ({reason}); copy it anew'
        ) from error

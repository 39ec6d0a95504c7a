"""Encode pictures quickly."""

import cv2
import numpy as np


def encoded(picture: np.ndarray, suffix: str = '.png') -> bytes:
    """Encode a picture; OpenCV takes a fifth of the time that PIL takes.

    Args:
        picture: RGB, (H, W, 3), or grey, (H, W); uint8, or uint16 for PNG.
        suffix: '.png', or '.jpg' for JPEG.
    """
    pixels = picture[..., ::-1] if picture.ndim == 3 else picture
    return cv2.imencode(suffix, pixels)[1].tobytes()

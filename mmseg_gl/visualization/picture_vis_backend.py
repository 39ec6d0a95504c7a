from __future__ import annotations

import os
from typing import Any

import numpy as np
from mmengine.visualization import LocalVisBackend
from mmseg.registry import VISBACKENDS

from mmseg_gl.files import whole_file
from mmseg_gl.visualization.encoding import encoded

DIGITS = 7  # of an iteration in a file name


@VISBACKENDS.register_module()
class PictureVisBackend(LocalVisBackend):
    """mmengine's LocalVisBackend with pictures that are whole, and that sort by iteration.

    A picture is ``vis_image/NAME_0000200.png``; what is logged is written as by LocalVisBackend.

    Args:
        save_dir: The folder ``vis_data`` of a run.
        **kwargs: See LocalVisBackend.
    """

    def add_image(self, name: str, image: np.ndarray, step: int = 0, **kwargs: Any) -> None:
        """Write a picture.

        Args:
            name: What it shows.
            image: RGB, (H, W, 3) uint8.
            step: The iteration.

        Raises:
            UserError: When it cannot be written, e.g. because the disk is full.
        """
        folder: str = self.experiment._img_save_dir  # ``experiment`` makes the folder above it
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, f'{name}_{step:0{DIGITS}}.png')
        with whole_file(path, 'free disk space, then continue with --resume') as file:
            file.write(encoded(image))

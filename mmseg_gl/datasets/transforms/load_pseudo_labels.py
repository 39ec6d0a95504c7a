import os

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from mmseg_gl.datasets.transforms.load_image import (
    MAX_MEGAPIXELS,
    check_max_megapixels,
    read_pil,
)
from mmseg_gl.errors import UserError


@TRANSFORMS.register_module()
class LoadPseudoLabels(BaseTransform):
    """Read the pseudo label of a target image, as written by tools/pseudo_label.py.

    The label has the size of the network's input and is not resized: put this step after Resize and
    before RandomFlip, which flips the label too.

    Needs ``img_path`` and ``img``; adds ``gt_seg_map`` (uint8, (H, W), 0..K-1 and 255 = no label).

    Args:
        folder: The tool's ``--out``, relative to the current directory: one 8-bit PNG of class
            numbers per image, ``<image stem>.png``.
        max_megapixels: As in :class:`LoadImage`.

    Raises:
        UserError: If the file is missing, broken, or has the wrong format or size.
    """

    def __init__(self, folder: str, max_megapixels: float = MAX_MEGAPIXELS) -> None:
        self.folder = folder
        self.max_megapixels = check_max_megapixels(max_megapixels)

    def transform(self, results: dict) -> dict:
        path = pseudo_label_path(self.folder, results['img_path'])
        labels = self.read(path)
        size = results['img'].shape[:2]
        if labels.shape != size:
            raise UserError(
                f'the pseudo label {path} is {labels.shape[1]}x{labels.shape[0]}, but its image is '
                f'{size[1]}x{size[0]} here; put LoadPseudoLabels after a Resize to the size of the '
                'labels'
            )
        results['gt_seg_map'] = labels
        results.setdefault('seg_fields', []).append('gt_seg_map')
        return results

    def find(self, path: str) -> str:
        """Return ``path``: a pseudo label has no alternative file name."""
        return path

    def read(self, path: str) -> np.ndarray:
        """Return the (H, W) ids in a file."""
        if not os.path.exists(path):
            raise UserError(
                f'there is no pseudo label {path}; write the labels of all target images with '
                'tools/pseudo_label.py'
            )
        image = read_pil(path, 'pseudo label', self.max_megapixels)
        if image.mode not in ('P', 'L'):
            raise UserError(
                f'the pseudo label {path} is not an 8-bit palette or grey PNG (its mode is '
                f'{image.mode}); expected one class number per pixel'
            )
        return np.asarray(image)

    def map_ids(
        self, raw: np.ndarray, path: str, label_map: dict[int, int] | None = None
    ) -> np.ndarray:
        """Return ``raw``: pseudo labels already hold the network's class numbers."""
        return raw

    def __repr__(self) -> str:
        return f'LoadPseudoLabels(folder={self.folder!r}, max_megapixels={self.max_megapixels})'


def pseudo_label_path(folder: str, img_path: str) -> str:
    """Return the path of an image's pseudo label, ``<image stem>.png`` as in BDL's SSL.py."""
    return os.path.join(folder, os.path.splitext(os.path.basename(img_path))[0] + '.png')

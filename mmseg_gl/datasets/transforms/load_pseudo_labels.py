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
    """Read the pseudo label of a target image, as tools/pseudo_label.py wrote it.

    It has the size of the network's input and is not resized: this step comes after Resize and
    before RandomFlip, which flips it too.

    Needs ``img_path`` and ``img``; adds ``gt_seg_map`` (uint8, (H, W), 0..K-1 and 255 = no label).

    Args:
        folder (str): The tool's ``--out``, relative to the current directory: one 8-bit PNG of
            class numbers per image, ``<image stem>.png``.
        max_megapixels (float): As in :class:`LoadImage`.

    Raises:
        UserError: When the file is missing or broken, or has another form or size; or when the
            image has already been flipped.
    """

    def __init__(self, folder, max_megapixels=MAX_MEGAPIXELS):
        self.folder = folder
        self.max_megapixels = check_max_megapixels(max_megapixels)

    def transform(self, results):
        if 'flip' in results:
            raise UserError(
                'LoadPseudoLabels comes after RandomFlip in the pipeline, so that labels would not '
                'be flipped with their images; put it before RandomFlip'
            )
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

    def find(self, path):
        """Return ``path``: there is only one place where a pseudo label can be."""
        return path

    def read(self, path):
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

    def map_ids(self, raw, path, label_map=None):
        """Return ``raw``: pseudo labels have the network's numbers already."""
        return raw

    def __repr__(self):
        return f'LoadPseudoLabels(folder={self.folder!r}, max_megapixels={self.max_megapixels})'


def pseudo_label_path(folder, img_path):
    """Return the file of an image's pseudo label: its leaf name, as in BDL's SSL.py."""
    return os.path.join(folder, os.path.splitext(os.path.basename(img_path))[0] + '.png')

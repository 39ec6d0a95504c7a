import os

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from mmseg_gl.datasets.label_ids import IMPOSSIBLE, lookup_table, renumber
from mmseg_gl.datasets.transforms.load_image import (
    MAX_MEGAPIXELS,
    check_max_megapixels,
    open_image,
    read_pil,
)
from mmseg_gl.errors import UserError, check_choice

LABEL_IDS, TRAIN_IDS = '_labelIds.png', '_labelTrainIds.png'


@TRANSFORMS.register_module()
class LoadTrainIds(BaseTransform):
    """Read a raw label PNG and map its ids to class numbers by a lookup table.

    Needs ``seg_map_path``; adds ``gt_seg_map`` (uint8, (H, W), 0..K-1 and 255 = ignore).

    Args:
        ids (str | dict[int, int]): What the file holds. A name stands for a scheme of the 19
            Cityscapes classes; where the data set uses some of them only
            (``metainfo=dict(classes=...)``, passed on by mmseg as ``label_map``), they are numbered
            in its order and the others are 255. 'gta5': palette or grey PNG of Cityscapes ids.
            'cityscapes': the same; if ``..._labelIds.png`` does not exist, the
            ``..._labelTrainIds.png`` beside it is read. 'synthia': 16-bit PNG, class in the first
            of three channels (or of grey + alpha). 'train_ids': ready trainIds. Or a mapping from
            the ids in the files to the numbers of the data set's classes, whatever they are; ids
            outside of it are ignored.
        files (str | None): 'synthia' reads 16-bit PNGs as SYNTHIA's also for a mapping; None goes
            by the name in ``ids``.
        max_megapixels (float): As in :class:`LoadImage`.

    Raises:
        UserError: When the file is missing, broken or too large, has the wrong form, or an
            impossible id; for unknown ``ids`` or ``files``.
    """

    def __init__(self, ids, files=None, max_megapixels=MAX_MEGAPIXELS):
        if files is not None:
            check_choice('files', files, ('synthia',))
        self.ids, self.files = ids, files
        self.max_megapixels = check_max_megapixels(max_megapixels)
        self.is_synthia = 'synthia' in (ids, files)
        self.table = lookup_table(ids)
        self.train_ids_table = lookup_table('train_ids')

    def transform(self, results):
        if 'seg_map_path' not in results and 'seg_fields' not in results:
            return results  # an image of no data set, from mmseg's inference_model
        if 'seg_map_path' not in results:
            raise UserError(
                f'{results.get("img_path", "an image")} comes without a label: its data set lists '
                'images only; use one with labels, e.g. GTA5Dataset, which takes any '
                'data_prefix=dict(img_path=..., seg_map_path=...) and suffixes'
            )
        path = self.find(results['seg_map_path'])
        results['gt_seg_map'] = self.map_ids(self.read(path), path, results.get('label_map'))
        results.setdefault('seg_fields', []).append('gt_seg_map')
        return results

    def find(self, path):
        """Return ``path``, or the labelTrainIds beside it where only those are there."""
        train_ids_path = path.replace(LABEL_IDS, TRAIN_IDS)
        if self.ids == 'cityscapes' and not os.path.exists(path) and os.path.exists(train_ids_path):
            return train_ids_path
        return path

    def read(self, path):
        """Return the raw (H, W) ids in a file."""
        read = read_synthia if self.is_synthia else read_ids
        return read(path, self.max_megapixels)

    def map_ids(self, raw, path, label_map=None):
        """Map the raw ids of the file ``path`` to class numbers.

        Args:
            raw (ndarray): Ids, (H, W).
            path (str): For the message.
            label_map (dict[int, int] | None): What the data set makes of trainIds, see
                :func:`renumber`; a mapping of one's own has its numbers already.

        Returns:
            ndarray: uint8, (H, W).
        """
        are_train_ids = self.ids == 'cityscapes' and path.endswith(TRAIN_IDS)
        table = self.train_ids_table if are_train_ids else self.table
        labels = table[np.clip(raw, 0, 255)]
        impossible = (labels == IMPOSSIBLE) | (raw > 255) | (raw < 0)
        if impossible.any():
            raise UserError(
                f'the label {path} holds the id {raw[impossible][0]}, which '
                f'{self.ids if isinstance(self.ids, str) else "your"} labels do not have; it is '
                'not a label file of this data set, or it is damaged'
            )
        return labels if isinstance(self.ids, dict) else renumber(labels, label_map)

    def __repr__(self):
        return (
            f'LoadTrainIds(ids={self.ids!r}, files={self.files!r}, '
            f'max_megapixels={self.max_megapixels})'
        )


def read_ids(path, max_megapixels):
    """Read an 8-bit palette or grey PNG as its (H, W) values."""
    image = read_pil(path, 'label', max_megapixels)
    if image.mode not in ('P', 'L', 'I', 'I;16'):
        kinds = {'1': 'black and white', 'F': 'of fractions', 'LA': 'grey and alpha'}
        kind = kinds.get(image.mode, f'a colour image ({image.mode})')
        raise UserError(
            f'the label {path} is {kind}; expected one id per pixel (an 8-bit palette or grey PNG)'
        )
    if image.format == 'JPEG':
        raise UserError(
            f'the label {path} is a JPEG, which changes ids; expected an 8-bit palette or grey PNG'
        )
    return np.asarray(image)


def read_synthia(path, max_megapixels):
    """Read the class channel of a SYNTHIA ``GT/LABELS`` PNG: 16 bits, the class comes first.

    The files are RGB (class, instance, 0) or grey + alpha (class, instance); OpenCV gives both as
    BGR(A) uint16 with the class at index 2. PIL would return the empty high bytes.
    """
    with open_image(path, 'label', max_megapixels) as header:
        header.verify()  # the checksums, which OpenCV passes over
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
        if image is None:
            raise ValueError('OpenCV cannot decode it')
    if image.dtype != np.uint16:
        raise UserError(
            f'the label {path} has {image.dtype.itemsize * 8} bits per channel; expected the '
            '16-bit PNGs in GT/LABELS of SYNTHIA-RAND-CITYSCAPES (not the colour images in '
            'GT/COLOR; for 8-bit files of trainIds use ids="train_ids")'
        )
    return image if image.ndim == 2 else image[..., 2]

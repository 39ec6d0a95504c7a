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
        ids: Format of the labels. A name stands for a scheme of the 19 Cityscapes classes; if the
            data set uses only some of them (``metainfo=dict(classes=...)``, passed on by mmseg as
            ``label_map``), they are numbered in its order and all others become 255. 'gta5':
            palette or grey PNG of Cityscapes ids. 'cityscapes': the same; if ``..._labelIds.png``
            does not exist, the ``..._labelTrainIds.png`` beside it is read. 'synthia': 16-bit PNG,
            class in the first of three channels (or of grey + alpha). 'train_ids': trainIds. Or a
            mapping from the ids in the files to the numbers of the data set's own classes; ids
            outside the mapping are ignored.
        files: 'synthia' reads 16-bit PNGs in the format of SYNTHIA even if ``ids`` is a mapping;
            None uses the format that belongs to ``ids``.
        max_megapixels: As in :class:`LoadImage`.

    Raises:
        UserError: If the file is missing, broken, too large, in the wrong format or has an
            impossible id; for unknown ``ids`` or ``files``.
    """

    def __init__(
        self,
        ids: str | dict[int, int],
        files: str | None = None,
        max_megapixels: float = MAX_MEGAPIXELS,
    ) -> None:
        if files is not None:
            check_choice('files', files, ('synthia',))
        self.ids, self.files = ids, files
        self.max_megapixels = check_max_megapixels(max_megapixels)
        self.is_synthia = 'synthia' in (ids, files)
        self.table = lookup_table(ids)
        self.train_ids_table = lookup_table('train_ids')

    def transform(self, results: dict) -> dict:
        if 'seg_map_path' not in results and 'seg_fields' not in results:
            return results  # an image of no data set, from mmseg's inference_model
        if 'seg_map_path' not in results:
            raise UserError(
                f'{results.get("img_path", "an image")} has no label: its data set lists images '
                'only; use one with labels, e.g. GTA5Dataset, which takes any '
                'data_prefix=dict(img_path=..., seg_map_path=...) and suffixes'
            )
        path = self.find(results['seg_map_path'])
        results['gt_seg_map'] = self.map_ids(self.read(path), path, results.get('label_map'))
        results.setdefault('seg_fields', []).append('gt_seg_map')
        return results

    def find(self, path: str) -> str:
        """Return ``path``, or the labelTrainIds file beside it if only that exists."""
        train_ids_path = path.replace(LABEL_IDS, TRAIN_IDS)
        if self.ids == 'cityscapes' and not os.path.exists(path) and os.path.exists(train_ids_path):
            return train_ids_path
        return path

    def read(self, path: str) -> np.ndarray:
        """Return the raw (H, W) ids in a file."""
        read = read_synthia if self.is_synthia else read_ids
        return read(path, self.max_megapixels)

    def map_ids(
        self, raw: np.ndarray, path: str, label_map: dict[int, int] | None = None
    ) -> np.ndarray:
        """Map raw ids to class numbers.

        Args:
            raw: Ids, (H, W).
            path: File of the ids; decides whether they are trainIds, and is named in the error.
            label_map: The data set's map of trainIds, see :func:`renumber`; not applied if ``ids``
                is a mapping.

        Returns:
            uint8, (H, W).

        Raises:
            UserError: For an id that these labels do not have.
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

    def __repr__(self) -> str:
        return (
            f'LoadTrainIds(ids={self.ids!r}, files={self.files!r}, '
            f'max_megapixels={self.max_megapixels})'
        )


def read_ids(path: str, max_megapixels: float) -> np.ndarray:
    """Read the (H, W) pixel values of a palette or grey PNG."""
    image = read_pil(path, 'label', max_megapixels)
    if image.mode not in ('P', 'L', 'I', 'I;16'):
        kinds = {'1': 'black and white', 'F': 'of fractions', 'LA': 'grey and alpha'}
        kind = kinds.get(image.mode, f'a colour image ({image.mode})')
        raise UserError(
            f'the label {path} is {kind}; expected one id per pixel (an 8-bit palette or grey PNG)'
        )
    if image.format == 'JPEG':
        raise UserError(
            f'the label {path} is a JPEG, which alters ids; expected an 8-bit palette or grey PNG'
        )
    return np.asarray(image)


def read_synthia(path: str, max_megapixels: float) -> np.ndarray:
    """Read the class channel, (H, W) uint16, of a SYNTHIA ``GT/LABELS`` PNG.

    The files are RGB (class, instance, 0) or grey + alpha (class, instance); OpenCV gives both as
    BGR(A) uint16 with the class at index 2. PIL would return the empty high bytes.
    """
    with open_image(path, 'label', max_megapixels) as header:
        header.verify()  # checksums, which OpenCV ignores
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

import os
from collections.abc import Sequence
from typing import Any

from mmseg.registry import DATASETS

from mmseg_gl.datasets.any_classes_dataset import AnyClassesDataset
from mmseg_gl.errors import UserError

FOLDERS = ('train', 'val', 'test')


@DATASETS.register_module()
class CamVidDataset(AnyClassesDataset):
    """CamVid (Brostow et al., ECCV 2008) in the layout of the SegNet tutorial: 701 frames.

    ::

        data/camvid/train/0001TP_006690.png        RGB, 480x360
        data/camvid/trainannot/0001TP_006690.png   grey PNG, 0..10 = class, 11 = unlabelled

    and the same with ``val`` and ``test``. A name begins with the sequence that the frame is of.
    Read the labels with ``dict(type='LoadTrainIds', ids={0: 0, 1: 1, ..., 10: 10})``.

    Args:
        folders: One or several of 'train', 'val' and 'test'.
        sequences: Beginnings of file names; only these frames are used. '0016E5', '0006R0' and
            'Seq05VD' were filmed by day, '0001TP' at dusk. None: all frames.
        img_suffix: One or several suffixes of the images; case counts.
        **kwargs: See mmseg's ``BaseSegDataset`` (``data_root``, ``pipeline``, ...).

    Raises:
        UserError: For ``ann_file``, other folders, a folder that is not there, or sequences without
            any frame.
    """

    # The tutorial calls them SignSymbol and Pavement; the colours are those of its
    # test_segmentation_camvid.py.
    METAINFO = dict(
        classes=(
            'sky',
            'building',
            'pole',
            'road',
            'sidewalk',
            'tree',
            'sign',
            'fence',
            'car',
            'pedestrian',
            'bicyclist',
        ),
        palette=[
            [128, 128, 128],
            [128, 0, 0],
            [192, 192, 128],
            [128, 64, 128],
            [60, 40, 222],
            [128, 128, 0],
            [192, 128, 128],
            [64, 64, 128],
            [64, 0, 128],
            [64, 64, 0],
            [0, 128, 192],
        ],
    )

    def __init__(
        self,
        folders: str | Sequence[str] = FOLDERS,
        sequences: str | Sequence[str] | None = None,
        img_suffix: str | Sequence[str] = ('.png', '.jpg'),
        **kwargs: Any,
    ) -> None:
        if kwargs.get('ann_file'):
            raise UserError(
                'CamVidDataset has no list of images (ann_file); choose frames by folders and '
                'sequences'
            )
        self.folders = tuple_of(folders)
        if not self.folders or set(self.folders) - set(FOLDERS):
            raise UserError(f'folders={folders!r}: expected some of {", ".join(FOLDERS)}')
        self.sequences = None if sequences is None else tuple_of(sequences)
        super().__init__(
            img_suffix=img_suffix,
            seg_map_suffix='.png',
            data_prefix=dict(img_path='', seg_map_path=''),
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """List the frames, folder by folder, sorted: dicts with ``img_path``, ``seg_map_path``."""
        root, suffixes = self.data_prefix['img_path'], tuple_of(self.img_suffix)
        starts = ('',) if self.sequences is None else self.sequences
        samples = []
        for folder in self.folders:
            path = os.path.join(root, folder)
            if not os.path.isdir(path):
                raise UserError(
                    f'CamVid images are expected in {path}, but there is no such folder: put or '
                    'link CamVid there as the SegNet tutorial lays it out (docs/data.md)'
                )
            for name in sorted(os.listdir(path)):
                if name.endswith(suffixes) and name.startswith(starts):
                    label = os.path.splitext(name)[0] + self.seg_map_suffix
                    sample = dict(
                        img_path=os.path.join(path, name),
                        seg_map_path=os.path.join(root, f'{folder}annot', label),
                        label_map=self.label_map,
                        reduce_zero_label=self.reduce_zero_label,
                        seg_fields=[],
                    )
                    samples.append(sample)
        if self.sequences is not None and not samples:
            raise UserError(
                f'sequences={self.sequences!r}: no frame in {", ".join(self.folders)} of {root} '
                'has such a name; the sequences of CamVid are 0016E5, 0006R0, Seq05VD and 0001TP'
            )
        return samples


def tuple_of(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)

from typing import Any

from mmseg.registry import DATASETS

from mmseg_gl.datasets.any_classes_dataset import AnyClassesDataset


@DATASETS.register_module()
class SYNTHIADataset(AnyClassesDataset):
    """SYNTHIA-RAND-CITYSCAPES (CVPR 2016) as downloaded: 9 400 images and labels.

    ::

        data/SYNTHIA/RGB/0000000.png ... 0009399.png         RGB, 1280x760
        data/SYNTHIA/GT/LABELS/0000000.png ... 0009399.png   16-bit PNG, class in the first channel

    Read the labels with ``dict(type='LoadTrainIds', ids='synthia')``: most image libraries decode
    these files to zeros.

    Args:
        img_suffix: Suffix of the images.
        seg_map_suffix: Suffix of the labels.
        data_prefix: Folders below ``data_root``, by ``img_path`` and ``seg_map_path``.
        **kwargs: See mmseg's ``BaseSegDataset`` (``data_root``, ``pipeline``, ...).
    """

    def __init__(
        self,
        img_suffix: str = '.png',
        seg_map_suffix: str = '.png',
        data_prefix: dict | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            img_suffix=img_suffix,
            seg_map_suffix=seg_map_suffix,
            data_prefix=data_prefix or dict(img_path='RGB', seg_map_path='GT/LABELS'),
            **kwargs,
        )

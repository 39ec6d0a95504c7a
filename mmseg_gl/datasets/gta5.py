from typing import Any

from mmseg.registry import DATASETS

from mmseg_gl.datasets.any_classes_dataset import AnyClassesDataset


@DATASETS.register_module()
class GTA5Dataset(AnyClassesDataset):
    """GTA5 ("Playing for Data", ECCV 2016) as downloaded: 24 966 images and labels.

    ::

        data/GTA5/images/00001.png ... 24966.png   RGB, mostly 1914x1052
        data/GTA5/labels/00001.png ... 24966.png   palette PNG, pixel = Cityscapes id

    Any subset works, e.g. only the first of the ten archives. Read the labels with
    ``dict(type='LoadTrainIds', ids='gta5')``.

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
            data_prefix=data_prefix or dict(img_path='images', seg_map_path='labels'),
            **kwargs,
        )

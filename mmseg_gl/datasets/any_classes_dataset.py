from collections.abc import Sequence
from typing import Any

from mmseg.datasets import BaseSegDataset, CityscapesDataset

from mmseg_gl.datasets.palette import palette_of


class AnyClassesDataset(BaseSegDataset):
    """Segmentation data set with the 19 Cityscapes classes, a subset in any order, or any others.

    mmseg's data sets accept only classes from their own list. With other classes nothing is
    renumbered here (``label_map`` is None): the step that loads the labels must give the class
    numbers itself, e.g. ``LoadTrainIds(ids={...})``.

    Args:
        metainfo: ``classes``, K names, and ``palette``, K times RGB 0..255 (default:
            :func:`palette_of`).
        **kwargs: See mmseg's ``BaseSegDataset``.
    """

    METAINFO = CityscapesDataset.METAINFO

    def __init__(self, metainfo: dict | None = None, **kwargs: Any) -> None:
        if metainfo and 'classes' in metainfo and not metainfo.get('palette'):
            palette = palette_of(metainfo['classes'], self.METAINFO)
            metainfo = dict(metainfo, palette=palette)
        super().__init__(metainfo=metainfo, **kwargs)

    @classmethod
    def get_label_map(cls, new_classes: Sequence[str] | None = None) -> dict[int, int] | None:
        """Return mmseg's map from trainIds to the chosen classes; None for classes of one's own."""
        if new_classes is not None and not set(new_classes) <= set(cls.METAINFO['classes']):
            return None
        return super().get_label_map(new_classes)

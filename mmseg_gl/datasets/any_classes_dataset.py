from collections.abc import Sequence

from mmseg.datasets import BaseSegDataset, CityscapesDataset

from mmseg_gl.datasets.palette import palette_of


class AnyClassesDataset(BaseSegDataset):
    """A data set with Cityscapes' 19 classes, some of them in any order, or any others.

    mmseg's data sets take classes out of their own list only. Here others may be given, too: then
    there is nothing to renumber (``label_map`` is None), and what loads the labels gives the
    numbers of the classes, e.g. ``LoadTrainIds(ids={...})``.

    Args:
        metainfo (dict | None): ``classes``, K names, and ``palette``, K times RGB 0..255 (default:
            :func:`palette_of`).
        **kwargs: See mmseg's ``BaseSegDataset``.
    """

    METAINFO = CityscapesDataset.METAINFO

    def __init__(self, metainfo: dict | None = None, **kwargs):
        if metainfo and 'classes' in metainfo and not metainfo.get('palette'):
            palette = palette_of(metainfo['classes'], self.METAINFO)
            metainfo = dict(metainfo, palette=palette)
        super().__init__(metainfo=metainfo, **kwargs)

    @classmethod
    def get_label_map(cls, new_classes: Sequence[str] | None = None) -> dict[int, int] | None:
        """Return mmseg's map from own class numbers to chosen ones; None for other classes."""
        if new_classes is not None and not set(new_classes) <= set(cls.METAINFO['classes']):
            return None
        return super().get_label_map(new_classes)

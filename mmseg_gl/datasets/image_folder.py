from collections.abc import Sequence
from typing import Any

from mmengine import fileio
from mmseg.registry import DATASETS

from mmseg_gl.datasets.any_classes_dataset import AnyClassesDataset


@DATASETS.register_module()
class ImageFolderDataset(AnyClassesDataset):
    """Unlabelled data set of all images in a folder and its subfolders.

    Args:
        img_suffix: One or several suffixes of the images; case is ignored.
        **kwargs: See mmseg's ``BaseSegDataset``; ``data_root`` is the folder, and ``ann_file`` a
            list of the images in it to use, one name with its suffix a line.
    """

    def __init__(
        self, img_suffix: str | Sequence[str] = ('.png', '.jpg', '.jpeg'), **kwargs: Any
    ) -> None:
        super().__init__(img_suffix=img_suffix, data_prefix=dict(img_path=''), **kwargs)

    def load_data_list(self) -> list[dict]:
        """List the images, sorted by path or as in the list: one dict with ``img_path`` each."""
        folder, suffix = self.data_prefix['img_path'], self.img_suffix
        suffixes = tuple(s.lower() for s in ([suffix] if isinstance(suffix, str) else suffix))
        if self.ann_file:
            lines = map(str.strip, fileio.list_from_file(self.ann_file))
            names = [name for name in lines if name]
        else:
            found = fileio.list_dir_or_file(folder, list_dir=False, recursive=True)
            names = sorted(name for name in found if name.lower().endswith(suffixes))
        return [
            dict(img_path=fileio.join_path(folder, name), reduce_zero_label=False, seg_fields=[])
            for name in names
        ]

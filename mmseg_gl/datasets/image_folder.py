from mmengine import fileio
from mmseg.registry import DATASETS

from mmseg_gl.datasets.any_classes_dataset import AnyClassesDataset


@DATASETS.register_module()
class ImageFolderDataset(AnyClassesDataset):
    """Any folder of images, searched with its subfolders, as an unlabelled target.

    Args:
        img_suffix (str | tuple[str]): Suffixes of the images; upper or lower case.
        **kwargs: See mmseg's ``BaseSegDataset``; ``data_root`` is the folder.
    """

    def __init__(self, img_suffix=('.png', '.jpg', '.jpeg'), **kwargs):
        super().__init__(img_suffix=img_suffix, data_prefix=dict(img_path=''), **kwargs)

    def load_data_list(self):
        """List the images: one dict with ``img_path`` each, sorted by path."""
        folder, suffix = self.data_prefix['img_path'], self.img_suffix
        suffixes = tuple(s.lower() for s in ([suffix] if isinstance(suffix, str) else suffix))
        names = fileio.list_dir_or_file(folder, list_dir=False, recursive=True)
        return [
            dict(img_path=fileio.join_path(folder, name), reduce_zero_label=False, seg_fields=[])
            for name in sorted(names)
            if name.lower().endswith(suffixes)
        ]

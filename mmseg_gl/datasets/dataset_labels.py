import os

import cv2
import numpy as np
from mmseg.datasets import BaseSegDataset

from mmseg_gl.datasets.inspection import LABEL_LOADERS
from mmseg_gl.datasets.label_ids import check_class_numbers
from mmseg_gl.datasets.transforms.load_pseudo_labels import LoadPseudoLabels, pseudo_label_path
from mmseg_gl.datasets.transforms.load_train_ids import LoadTrainIds
from mmseg_gl.errors import UserError

Pixels = dict[int, int]  # number of pixels by class; classes without any are left out
EXACT = 2**24  # whole numbers up to this are exact in float32


class DatasetLabels:
    """The labels of a data set at full resolution.

    Args:
        dataset: A data set with a pipeline that loads labels.

    Attributes:
        root: Folder of the data set.
        files: File of each label.
        num_classes: K.
        classes: The settings that determine the class numbers.

    Raises:
        UserError: If the pipeline loads no labels.
    """

    def __init__(self, dataset: BaseSegDataset) -> None:
        steps = dataset.pipeline.transforms
        loaders = [step for step in steps if type(step).__name__ in LABEL_LOADERS]
        if not loaders:
            raise UserError(
                f'the pipeline of the {type(dataset).__name__} loads no labels, so their '
                'classes cannot be counted; add the step LoadTrainIds'
            )
        self.dataset, self.loader = dataset, loaders[0]
        folders = dataset.data_prefix
        folder = os.path.normpath(folders.get('seg_map_path') or folders['img_path'])
        self.root = os.path.abspath(dataset.data_root or os.path.dirname(folder))
        self.files = [self.find(dataset.get_data_info(index)) for index in range(len(dataset))]
        names, chosen = dataset.metainfo['classes'], dataset.label_map or {}
        self.num_classes = len(names)
        self.classes = [repr(self.loader), names, list(chosen.items()), dataset.reduce_zero_label]

    def find(self, sample: dict) -> str:
        """Return the file of a sample's label."""
        if isinstance(self.loader, LoadPseudoLabels):
            return pseudo_label_path(self.loader.folder, sample['img_path'])
        if 'seg_map_path' not in sample:
            self.loader(sample)  # raises an error that says so
        path = sample['seg_map_path']
        return self.loader.find(path) if isinstance(self.loader, LoadTrainIds) else path

    def count(self, index: int) -> Pixels:
        """Count the classes in a label.

        Raises:
            UserError: If the label cannot be used.
        """
        if isinstance(self.loader, LoadPseudoLabels):
            labels = self.loader.read(self.files[index])
        else:
            labels = self.loader(self.dataset.get_data_info(index))['gt_seg_map']
        check_class_numbers(labels, self.num_classes, f'the label {self.files[index]}')
        pixels = histogram(labels)[: self.num_classes]
        return {int(number): int(pixels[number]) for number in np.flatnonzero(pixels)}

    def try_to_count(self, index: int) -> Pixels | UserError:
        try:
            return self.count(index)
        except UserError as error:
            return error


def histogram(labels: np.ndarray) -> np.ndarray:
    """Return the number of pixels of each class, (256,), in a uint8 array.

    Unlike ``np.bincount``, OpenCV does it without a copy and lets other threads run.
    """
    flat = np.ascontiguousarray(labels).reshape(-1, 1)
    parts = range(0, len(flat), EXACT)
    counts = [cv2.calcHist([flat[i : i + EXACT]], [0], None, [256], [0, 256]) for i in parts]
    return np.sum(counts, axis=0, dtype=np.int64).ravel()

from __future__ import annotations

import math
import os
from collections.abc import Sequence

import cv2
import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_gl.datasets import LoadImage
from mmseg_gl.files import write_bytes
from mmseg_gl.visualization.colours import label_table
from mmseg_gl.visualization.encoding import encoded
from mmseg_gl.visualization.sheet import Cell, reduced_size, sheet

LARGEST = (1024, 1024)  # width and height of each of the three, in pixels


class PictureWriterHook(Hook):
    """Write a picture of each test image, its truth and its prediction under the image's own name.

    Args:
        out_dir: An empty folder; pictures have the images' subfolders in it.
    """

    def __init__(self, out_dir: str) -> None:
        self.out_dir = out_dir
        self.reader = LoadImage(max_megapixels=math.inf)  # the pipeline has limited them

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Sequence[SegDataSample] | None = None,
    ) -> None:
        """Draw the images, truths and predictions of a batch."""
        dataset = runner.test_dataloader.dataset
        classes, palette = (dataset.metainfo[key] for key in ('classes', 'palette'))
        table = label_table(palette)
        for sample in outputs or ():
            name = os.path.relpath(sample.img_path, dataset.data_prefix['img_path'])
            image = self.reader.read(sample.img_path)
            size = reduced_size(image.shape[0], image.shape[1], LARGEST)[::-1]
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            cells = [Cell(os.path.basename(name), image)]
            for title, key in (('truth', 'gt_sem_seg'), ('prediction', 'pred_sem_seg')):
                if key in sample:
                    labels = reduced_labels(sample.get(key), size)
                    cells.append(Cell(title, table[labels]))
            path = os.path.join(self.out_dir, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            suffix = '.png' if name.lower().endswith('.png') else '.jpg'
            write_bytes(path, encoded(sheet([cells], classes, palette), suffix))


def reduced_labels(labels: PixelData, size: tuple[int, int]) -> np.ndarray:
    """Return labels in another width and height, (H, W) uint8."""
    whole = labels.data.squeeze(0).byte().cpu().numpy()
    return cv2.resize(whole, size, interpolation=cv2.INTER_NEAREST_EXACT)

from __future__ import annotations

import os

import mmcv
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.structures import SegDataSample


class PictureWriterHook(Hook):
    """Write a picture of each test image's truth and prediction under the image's own name.

    Args:
        out_dir: An empty folder; pictures have the images' subfolders in it.
    """

    def __init__(self, out_dir: str) -> None:
        self.out_dir = out_dir

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: list[SegDataSample] | None = None,
    ) -> None:
        """Draw the truth and the prediction of a batch."""
        root = runner.test_dataloader.dataset.data_prefix['img_path']
        for sample in outputs:
            name = os.path.relpath(sample.img_path, root)
            image = mmcv.imread(sample.img_path, channel_order='rgb')
            runner.visualizer.add_datasample(
                name, image, sample, out_file=os.path.join(self.out_dir, name)
            )

from typing import Any

import numpy as np
import torch
from mmcv.image import imresize
from mmengine.structures import PixelData
from mmseg.registry import DATASETS
from torch.utils.data import ConcatDataset, Dataset

from mmseg_gl.datasets.inspection import LABEL_LOADERS, datasets_in
from mmseg_gl.datasets.uda_dataset import check_label_classes
from mmseg_gl.errors import UserError


class TrainingImages(Dataset):
    """Training images of one domain, prepared as the validation's images are.

    They are evenly spaced in the domain's data sets. Labels of the target are never opened.

    Args:
        domain: 'source' or 'target'.
        cfg: Config of the :class:`UDADataset`.
        pipeline: Pipeline of the validation.
        num_images: Number of images, in equal parts from each of the domain's data sets; fewer if
            there are fewer.

    Raises:
        UserError: Items raise it for files that cannot be used, unless the training skips them.
    """

    def __init__(self, domain: str, cfg: dict, pipeline: list[dict], num_images: int) -> None:
        cfgs = list(datasets_in(domain, cfg[domain]).values())
        datasets = []
        for own in cfgs:
            steps = prepared(own['pipeline'], pipeline, labelled=domain == 'source')
            dataset = DATASETS.build(dict(own, pipeline=steps))
            count = min(len(dataset), max(1, num_images // len(cfgs)))
            dataset.get_subset_(np.linspace(0, len(dataset) - 1, count, dtype=int).tolist())
            datasets.append(dataset)
        self.images: ConcatDataset = ConcatDataset(datasets)
        self.metainfo = datasets[0].metainfo
        self.skip = cfg.get('on_bad_image') == 'skip'

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return an image or, if it is broken and the training skips such files, the next one."""
        for step in range(len(self)):
            try:
                item = self.images[(index + step) % len(self)]
                resize_label(item)
                check_label_classes(item, len(self.metainfo['classes']))
                return item
            except UserError:
                if not self.skip or step + 1 == len(self):
                    raise
        raise IndexError(index)


def resize_label(item: dict) -> None:
    """Give the label of a packed item, if it has any, the size of the image's file.

    Translated images (BDL) are smaller than their labels; training resizes both to one size.
    """
    sample = item['data_samples']
    if 'gt_sem_seg' in sample and sample.gt_sem_seg.shape != tuple(sample.ori_shape):
        label = sample.gt_sem_seg.data.squeeze(0).numpy().astype(np.uint8)
        height, width = sample.ori_shape
        resized = imresize(label, (width, height), interpolation='nearest', backend='pillow')
        sample.gt_sem_seg = PixelData(data=torch.from_numpy(resized)[None].long())


def prepared(own: list[dict], pipeline: list[dict], labelled: bool) -> list[dict]:
    """Return a validation's pipeline for a training set: its files are read as by its own."""
    loaders = [step for step in own if labelled and step['type'] in LABEL_LOADERS][:1]
    if loaders and loaders[0]['type'] == 'LoadPseudoLabels':  # labels of the training's size
        return [*own[: own.index(loaders[0]) + 1], pipeline[-1]]
    return [own[0], *with_labels(pipeline, loaders)[1:]]


def with_labels(pipeline: list[dict], loaders: list[dict]) -> list[dict]:
    """Return a pipeline that loads its labels by ``loaders`` alone, last before they are packed."""
    steps = [step for step in pipeline if step['type'] not in LABEL_LOADERS]
    return [*steps[:-1], *loaders, steps[-1]]

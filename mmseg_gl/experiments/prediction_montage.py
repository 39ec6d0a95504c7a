"""Picture of the predictions of several methods beside the truth."""

import os

import numpy as np
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_gl.datasets.inspection import LABEL_LOADERS
from mmseg_gl.datasets.label_writer import LabelWriter
from mmseg_gl.datasets.transforms.load_image import read_pil
from mmseg_gl.visualization import montage


def prediction_montage(dataset_cfg: dict, run_dirs: dict[str, str], rows: int = 6) -> Image.Image:
    """Draw target images beside their ground truth and the prediction of each method.

    Args:
        dataset_cfg: Config of the labelled test data set.
        run_dirs: Method -> work dir of a tested run, with ``test/predictions``.
        rows: Number of images, spread evenly over the data set.
    """
    init_default_scope('mmseg')
    loaders = ('LoadImage', 'LoadImageFromFile', *LABEL_LOADERS)
    steps = [step for step in dataset_cfg['pipeline'] if step['type'] in loaders]
    dataset = DATASETS.build({**dataset_cfg, 'pipeline': steps})
    chosen = np.linspace(0, len(dataset) - 1, min(rows, len(dataset))).astype(int)
    samples = [dataset[int(i)] for i in chosen]
    writer = LabelWriter(dataset_cfg)
    columns = {
        'target image': [Image.fromarray(sample['img'][..., ::-1]) for sample in samples],
        'truth': [writer.picture(sample['gt_seg_map']) for sample in samples],
    }
    for method, run_dir in run_dirs.items():
        folder = os.path.join(run_dir, 'test', 'predictions')
        columns[method] = [read_prediction(folder, sample) for sample in samples]
    return montage(columns)


def read_prediction(folder: str, sample: dict) -> Image.Image:
    """Read the prediction of tools/test.py for a sample, which may not have more pixels than it."""
    name = os.path.splitext(os.path.basename(sample['img_path']))[0] + '.png'
    height, width = sample['img'].shape[:2]
    return read_pil(os.path.join(folder, name), 'prediction', height * width / 1e6)

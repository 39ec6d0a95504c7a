import numpy as np
from PIL import Image

from mmseg_gl.datasets.inspection import build_lazily
from mmseg_gl.datasets.label_ids import IGNORED
from mmseg_gl.datasets.palette import palette_image


class LabelWriter:
    """Turns predicted class numbers into 8-bit PNGs with the colours of a data set's classes.

    Their pixels are class numbers. Only where the data set's own labels are Cityscapes trainIds (a
    named scheme of ``LoadTrainIds``) of which it uses some, they are trainIds, too.

    Args:
        dataset (dict): A config of a ``BaseSegDataset`` subclass.

    Attributes:
        numbers (ndarray): Class number -> pixel, (256,) uint8.
        palette (ndarray): Pixel -> RGB, (256, 3) uint8; black where there is no class.
    """

    def __init__(self, dataset: dict):
        metainfo = build_lazily(dataset).metainfo
        self.numbers = np.arange(256, dtype=np.uint8)
        if has_named_ids(dataset):
            chosen = metainfo['label_map'] or {}  # trainId -> class number, 255 if there is none
            for train_id, number in chosen.items():
                if number != IGNORED:
                    self.numbers[number] = train_id
        self.palette = np.zeros((256, 3), np.uint8)
        self.palette[self.numbers[: len(metainfo['palette'])]] = metainfo['palette']

    def picture(self, labels: np.ndarray) -> Image.Image:
        """Return class numbers, (H, W), as a palette image."""
        return palette_image(self.numbers[labels], self.palette)


def has_named_ids(dataset: dict) -> bool:
    """Whether a data set's labels are read by a named scheme of ``LoadTrainIds``."""
    return any(
        step['type'] == 'LoadTrainIds' and isinstance(step.get('ids'), str)
        for step in dataset.get('pipeline', ())
    )

import numpy as np
from PIL import Image

from mmseg_gl.datasets.inspection import build_lazily
from mmseg_gl.datasets.label_ids import IGNORED
from mmseg_gl.datasets.palette import palette_image


class LabelWriter:
    """Turns predicted class numbers into 8-bit palette images in the colours of a data set.

    The pixels are class numbers, with one exception: if the data set uses some of the Cityscapes
    classes and its labels are read by a named scheme of ``LoadTrainIds``, they are trainIds.

    Args:
        dataset: A config of a ``BaseSegDataset`` subclass.

    Attributes:
        numbers: Class number -> pixel, (256,) uint8.
        palette: Pixel -> RGB, (256, 3) uint8; black for pixels that are no class.
    """

    def __init__(self, dataset: dict) -> None:
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
        """Convert class numbers, (H, W), to a palette image."""
        return palette_image(self.numbers[labels], self.palette)


def has_named_ids(dataset: dict) -> bool:
    """Return whether a data set's labels are read by a named scheme of ``LoadTrainIds``."""
    return any(
        step['type'] == 'LoadTrainIds' and isinstance(step.get('ids'), str)
        for step in dataset.get('pipeline', ())
    )

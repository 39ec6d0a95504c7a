import os
import zipfile

import numpy as np
from PIL import Image

from mmseg_gl.datasets.pseudo_labels import SUMMARY
from mmseg_gl.datasets.transforms.load_pseudo_labels import pseudo_label_path
from mmseg_gl.errors import UserError
from mmseg_gl.experiments.recorded_folder import RecordedFolder


class PseudoLabelFolder(RecordedFolder):
    """Output folder of tools/pseudo_label.py, in which an interrupted run can be resumed.

    ::

        DIR/pseudo_labels.json             record of the run; says whether it is complete
        DIR/<image stem>.png               8-bit palette PNG of class numbers
        DIR/predictions/<image stem>.npz   3 bytes per pixel, until the labels are complete

    Args:
        path: The folder.
        images: Paths of the images, with distinct stems.
        run: Settings on which the labels depend; a folder with other settings is refused.
        about: Further entries of the record.
        inputs: The folders of the images.
    """

    def __init__(
        self, path: str, images: list[str], run: dict, about: dict, inputs: list[str]
    ) -> None:
        self.images = images
        labels, predictions = map(label_name, images), map(prediction_name, images)
        super().__init__(path, SUMMARY, run, about, labels, predictions, inputs)

    def write_prediction(self, image: str, labels: np.ndarray, bins: np.ndarray) -> None:
        with self.write(prediction_name(image)) as file:
            np.savez(file, labels=labels, bins=bins)

    def read_prediction(self, image: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the (labels, bins) stored by :meth:`write_prediction`.

        Raises:
            UserError: If the file is damaged.
        """
        path = os.path.join(self.path, prediction_name(image))
        try:
            with np.load(path) as arrays:
                return arrays['labels'], arrays['bins']
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise UserError(
                f'{path} is damaged ({error}); remove it and start the command again'
            ) from error

    def write_label(self, image: str, picture: Image.Image) -> None:
        """Write the label of an image, a palette image of class numbers."""
        with self.write(label_name(image)) as file:
            picture.save(file, format='PNG')


def label_name(image: str) -> str:
    return pseudo_label_path('', image)


def prediction_name(image: str) -> str:
    return os.path.join('predictions', f'{os.path.splitext(os.path.basename(image))[0]}.npz')

import os
import zipfile

import numpy as np

from mmseg_gl.datasets.pseudo_labels import SUMMARY
from mmseg_gl.datasets.transforms.load_pseudo_labels import pseudo_label_path
from mmseg_gl.errors import UserError
from mmseg_gl.experiments.recorded_folder import RecordedFolder


class PseudoLabelFolder(RecordedFolder):
    """The folder that tools/pseudo_label.py writes; an interrupted run goes on in it.

    ::

        DIR/pseudo_labels.json             what it is and whether it is complete
        DIR/<image stem>.png               8-bit palette PNG of class numbers
        DIR/predictions/<image stem>.npz   3 bytes per pixel, until the labels are complete

    Args:
        path (str): The folder.
        images (list[str]): Paths of the images, with different leaf names.
        run (dict): What the labels depend on; a folder of another run is refused.
        about (dict): What else its summary says.
        inputs (list[str]): The folders of the images.
    """

    def __init__(self, path, images, run, about, inputs):
        self.images = images
        labels, predictions = map(label_name, images), map(prediction_name, images)
        super().__init__(path, SUMMARY, run, about, labels, predictions, inputs)

    def write_prediction(self, image, labels, bins):
        with self.write(prediction_name(image)) as file:
            np.savez(file, labels=labels, bins=bins)

    def read_prediction(self, image):
        """Return the (labels, bins) of an image that has been predicted."""
        path = os.path.join(self.path, prediction_name(image))
        try:
            with np.load(path) as arrays:
                return arrays['labels'], arrays['bins']
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise UserError(
                f'{path} is damaged ({error}); remove it and start the command again'
            ) from error

    def write_label(self, image, picture):
        """Write an image's label, a palette image of class numbers."""
        with self.write(label_name(image)) as file:
            picture.save(file, format='PNG')


def label_name(image):
    return pseudo_label_path('', image)


def prediction_name(image):
    return os.path.join('predictions', f'{os.path.splitext(os.path.basename(image))[0]}.npz')

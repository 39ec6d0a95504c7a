import json
import os
import shutil
import zipfile

import numpy as np
from PIL import Image

from mmseg_gl.datasets.pseudo_labels import SUMMARY, read_summary
from mmseg_gl.datasets.transforms.load_pseudo_labels import pseudo_label_path
from mmseg_gl.errors import UserError
from mmseg_gl.files import PART, whole_file, write_text

PREDICTIONS = 'predictions'


class PseudoLabelFolder:
    """The folder that tools/pseudo_label.py writes; an interrupted run goes on in it.

    ::

        DIR/pseudo_labels.json             what it is and whether it is complete
        DIR/<image stem>.png               8-bit palette PNG of class numbers
        DIR/predictions/<image stem>.npz   3 bytes per pixel, until the labels are complete

    Every file appears under its name only when it is whole.

    Args:
        path (str): The folder.
        images (list[str]): Paths of the images, with different leaf names.
        run (dict): What the labels depend on; a folder of another run is refused.
        about (dict): What else its summary says.
    """

    def __init__(self, path, images, run, about):
        self.path, self.images, self.run, self.about = path, images, run, about

    def open(self):
        """Make sure that the folder is new, or this run's, and mark it as begun.

        Returns:
            bool: Whether it is already complete.

        Raises:
            UserError: When it holds anything else, or cannot be written.
        """
        there = os.listdir(self.path)
        summary = read_summary(self.path)
        if there and summary is None and there != [SUMMARY + PART]:
            raise UserError(
                f'--out {self.path} is not empty and has no {SUMMARY}; choose a new folder'
            )
        if summary is None:
            summary = self.run
        if other := [key for key, value in self.run.items() if summary.get(key) != value]:
            raise UserError(
                f'--out {self.path} holds pseudo labels of another run (different: '
                f'{", ".join(other)}); choose a new folder'
            )
        own = {SUMMARY, *(os.path.basename(self.label_path(image)) for image in self.images)}
        own |= {PREDICTIONS, *(name + PART for name in own)}
        if foreign := sorted(set(there) - own):
            raise UserError(
                f'--out {self.path} holds {foreign[0]}, which is not of this run; take it away or '
                'choose a new folder'
            )
        labels = map(self.label_path, self.images)
        labelled = all(os.path.isfile(path) and os.path.getsize(path) for path in labels)
        if summary.get('complete') is True and labelled:
            shutil.rmtree(os.path.join(self.path, PREDICTIONS), ignore_errors=True)
            return True
        self.write_summary(complete=False)
        os.makedirs(os.path.join(self.path, PREDICTIONS), exist_ok=True)
        return False

    def label_path(self, image):
        return pseudo_label_path(self.path, image)

    def prediction_path(self, image):
        stem = os.path.splitext(os.path.basename(image))[0]
        return os.path.join(self.path, PREDICTIONS, f'{stem}.npz')

    def write_prediction(self, image, labels, bins):
        with whole_file(self.prediction_path(image)) as file:
            np.savez(file, labels=labels, bins=bins)

    def read_prediction(self, image):
        """Return the (labels, bins) of an image that has been predicted."""
        path = self.prediction_path(image)
        try:
            with np.load(path) as arrays:
                return arrays['labels'], arrays['bins']
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise UserError(
                f'{path} is damaged ({error}); remove it and start the command again'
            ) from error

    def write_label(self, image, labels, palette):
        """Write a label.

        Args:
            image (str): Path of its image.
            labels (ndarray): Class numbers, (H, W) uint8.
            palette (list[list[int]]): RGB per class; 255 is black.
        """
        picture = Image.fromarray(labels)
        picture.putpalette(np.resize([*palette, *[[0, 0, 0]] * 256], (256, 3)).ravel().tolist())
        with whole_file(self.label_path(image)) as file:
            picture.save(file, format='PNG')

    def finish(self, **findings):
        """Say that all labels are written, then remove the predictions."""
        self.write_summary(complete=True, **findings)
        shutil.rmtree(os.path.join(self.path, PREDICTIONS))

    def write_summary(self, complete, **findings):
        contents = dict(complete=complete, **self.about, **self.run, **findings)
        write_text(os.path.join(self.path, SUMMARY), json.dumps(contents, indent=1) + '\n')

from collections.abc import Sequence

import numpy as np
from mmengine.logging import print_log
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATA_SAMPLERS
from torch.utils.data import Dataset

from mmseg_gl.datasets.class_statistics import class_statistics
from mmseg_gl.errors import UserError

MAX_RELOADS = 10  # per draw (DAFormer)


@DATA_SAMPLERS.register_module()
class RareClassSampling:
    """Draws source images by their classes, rare classes more often, as in DAFormer.

    First a class c is drawn with the probability softmax((1 - f_c) / T), where f_c is the share of
    c in all labelled pixels of the source; then one of the images with more than ``min_pixels``
    pixels of c at full resolution, all equally likely. The pipeline loads it, again up to ten times
    if its crop has too little of c. Draws are independent of each other. Classes that do not occur,
    or in no image with so many pixels, are left out of the softmax.

    Args:
        temperature: T > 0; infinity makes all classes equally likely. 0.01 in DAFormer.
        min_pixels: An image with a class has more pixels of it. 3000 in DAFormer.
        min_crop_ratio: A crop must have more than ``min_pixels * min_crop_ratio`` pixels of the
            class. 0.5 in DAFormer, 2.0 in HRDA (crops of 1024x1024); 0 accepts every crop.

    Attributes:
        classes: Numbers of the classes that are drawn, in ascending order.
        probabilities: Their probabilities, float64.

    Raises:
        UserError: For arguments out of range.
    """

    def __init__(
        self, temperature: float = 0.01, min_pixels: int = 3000, min_crop_ratio: float = 0.5
    ) -> None:
        for name, value, above in (
            ('temperature', temperature, True),
            ('min_pixels', min_pixels, False),
            ('min_crop_ratio', min_crop_ratio, False),
        ):
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not (value > 0 if above else value >= 0):
                least = 'above 0' if above else 'of at least 0'
                raise UserError(f'source_sampling.{name}={value!r}: expected a number {least}')
        self.temperature = temperature
        self.min_pixels, self.min_crop_pixels = min_pixels, min_pixels * min_crop_ratio
        self.max_reloads = MAX_RELOADS if min_crop_ratio else 0

    def prepare(self, datasets: Sequence[BaseSegDataset], skip_broken: bool) -> None:
        """Find the classes of the source's images.

        Args:
            datasets: The source's data sets.
            skip_broken: Never draw images whose labels cannot be used, instead of raising an error.

        Raises:
            UserError: If no image has more than ``min_pixels`` pixels of any class, or for labels
                that cannot be used; see :func:`class_statistics`, too.
        """
        statistics = [class_statistics(dataset) for dataset in datasets]
        errors = [error for part in statistics for error in part.errors]
        if errors and not skip_broken:
            raise UserError(errors[0])
        if errors:
            print_log(f'{len(errors)} labels cannot be used (first: {errors[0]})', 'current')
        self.set_pixels(np.concatenate([part.pixels for part in statistics]))
        names = datasets[0].metainfo['classes']
        drawn = [f'{names[c]} {p:.1%}' for c, p in zip(self.classes, self.probabilities)]
        print_log(f'Rare-class sampling draws {", ".join(drawn)}', 'current')
        left_out = [name for c, name in enumerate(names) if c not in self.classes]
        if left_out:
            print_log(
                f'Rare-class sampling leaves out {", ".join(left_out)}: no image has more than '
                f'{self.min_pixels} pixels of it',
                'current',
            )

    def set_pixels(self, pixels: np.ndarray) -> None:
        """Set classes, probabilities and the images to draw.

        Args:
            pixels: Pixels per class of each image, (N, K).
        """
        images = [np.flatnonzero(column > self.min_pixels) for column in pixels.T]
        self.classes = np.flatnonzero([len(indices) for indices in images])
        if not len(self.classes):
            raise UserError(
                f'source_sampling.min_pixels={self.min_pixels}: no image has more pixels of any '
                'class; lower it'
            )
        self.images = [images[number] for number in self.classes]
        frequencies = pixels.sum(axis=0)[self.classes] / pixels.sum()
        with np.errstate(over='ignore'):
            weights = np.exp((frequencies.min() - frequencies) / self.temperature)
        self.probabilities = weights / weights.sum()

    def draw(self, key: tuple[int, ...]) -> tuple[int, int]:
        """Return the class and the index of the image of a draw.

        Args:
            key: Non-negative integers, of which the draw is a pure function.
        """
        generator = np.random.default_rng(key)
        rank = generator.choice(len(self.classes), p=self.probabilities)
        return int(self.classes[rank]), int(generator.choice(self.images[rank]))

    def load(self, dataset: Dataset, key: tuple[int, ...]) -> dict:
        """Return the packed item of a draw, with a crop that shows the class if there was one.

        Args:
            dataset: The source, whose pipeline draws from the global random numbers.
            key: See :meth:`draw`.
        """
        number, index = self.draw(key)
        item = dataset[index]
        for _ in range(self.max_reloads):
            if (item['data_samples'].gt_sem_seg.data == number).sum() > self.min_crop_pixels:
                break
            item = dataset[index]  # the last one is taken as it is
        return item

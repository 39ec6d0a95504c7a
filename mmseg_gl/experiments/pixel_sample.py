"""Samples of both domains' pixels and of what a network makes of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor
from torch.utils.data import Dataset

from mmseg_gl.datasets.label_ids import IGNORED
from mmseg_gl.datasets.uda_dataset import random_numbers
from mmseg_gl.errors import UserError
from mmseg_gl.models import UDASegmentor
from mmseg_gl.models.pixel_features import pixel_features

DOMAINS = ('source', 'target')


@dataclass
class Points:
    """Sampled pixels.

    Attributes:
        features: (P, C) float32.
        classes: Class number of each, (P,).
        domains: 0 for the source, 1 for the target, (P,).
    """

    features: np.ndarray
    classes: np.ndarray
    domains: np.ndarray


class PixelSample:
    """A uniform sample of the pixels of each class, drawn image by image.

    Args:
        most: Largest number of pixels of a class.
        seed: Of the draw, which depends only on it and on the labels.
    """

    def __init__(self, most: int, seed: int) -> None:
        self.most = most
        self.rng = np.random.default_rng(seed)
        self.drawn: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def add(self, features: np.ndarray, labels: np.ndarray) -> None:
        """Add an image.

        Args:
            features: (C, h, w).
            labels: Class numbers, (H, W); each place of the features has the label of its centre.
        """
        labels = at_centres(labels, features.shape[1:]).ravel()
        keys = self.rng.random(labels.size)  # the sample of a class is its pixels of smallest keys
        vectors = features.reshape(len(features), -1).T
        for number in np.unique(labels[labels != IGNORED]):
            places = np.flatnonzero(labels == number)
            places = places[np.argsort(keys[places])[: self.most]]
            new = keys[places], vectors[places]
            if number in self.drawn:
                old = self.drawn[number]
                new = np.concatenate([old[0], new[0]]), np.concatenate([old[1], new[1]])
            first = np.argsort(new[0])[: self.most]
            self.drawn[int(number)] = new[0][first], new[1][first]


def at_centres(labels: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Return the labels, (H, W), at the centres of a grid of (h, w) cells."""
    rows, columns = (
        ((np.arange(count) + 0.5) * side / count).astype(int)
        for count, side in zip(size, labels.shape)
    )
    return labels[rows[:, None], columns]


def points_of(samples: Sequence[PixelSample]) -> Points:
    """Join the samples of the source and the target.

    Raises:
        UserError: When a domain has no labelled pixel.
    """
    for domain, sample in zip(DOMAINS, samples):
        if not sample.drawn:
            raise UserError(
                f'no pixel of the {domain} images has a class; do the ids of LoadTrainIds fit them?'
            )
    parts = [
        (vectors, number, domain)
        for domain, sample in enumerate(samples)
        for number, (_, vectors) in sorted(sample.drawn.items())
    ]
    sizes = [len(vectors) for vectors, *_ in parts]
    return Points(
        features=np.concatenate([vectors for vectors, *_ in parts]).astype(np.float32),
        classes=np.repeat([number for _, number, _ in parts], sizes),
        domains=np.repeat([domain for *_, domain in parts], sizes),
    )


def sample_pixels(
    model: UDASegmentor,
    datasets: Sequence[Dataset],
    what: str,
    most: int,
    most_images: int,
    seed: int,
    progress: Callable,
) -> Points:
    """Sample pixels of images of both domains.

    Args:
        model: In evaluation mode, with its weights loaded.
        datasets: Packed images of the source and of the target. Pixels of images without labels
            have the classes that the network predicts.
        what: 'features' before the classifier, or 'outputs', the probabilities.
        most: Largest number of pixels of each class and domain.
        most_images: Largest number of images of each domain, drawn at random.
        seed: Of all draws.
        progress: Called with the images, their number and what they are; yields them.

    Raises:
        UserError: When the network has no finite output, or a domain no labelled pixel.
    """
    samples = [PixelSample(most, seed) for _ in datasets]
    for domain, dataset, drawn in zip(DOMAINS, datasets, samples):
        count = min(most_images, len(dataset))  # type: ignore[arg-type]
        for item in progress(items(dataset, count, seed), count, f'{domain} images'):
            inputs = model.data_preprocessor(pseudo_collate([item]), False)['inputs']
            found = pixel_features(model.network, inputs)
            maps, logits = (unpadded(m, item['inputs'].shape, inputs.shape) for m in found)
            if what == 'outputs':
                maps = logits.softmax(dim=1)
            sample = item['data_samples']
            if not torch.isfinite(maps).all():
                raise UserError(
                    f'the network has no finite output for {sample.img_path}; its training has '
                    'diverged: use an earlier checkpoint'
                )
            labelled = 'gt_sem_seg' in sample
            labels = sample.gt_sem_seg.data[0] if labelled else logits[0].argmax(dim=0)
            drawn.add(maps[0].cpu().numpy(), labels.cpu().numpy())
    return points_of(samples)


def unpadded(maps: Tensor, image: Sequence[int], padded: Sequence[int]) -> Tensor:
    """Return maps without what they have of padding, at the bottom and the right.

    Args:
        maps: (N, C, h, w).
        image, padded: Shapes of the image and of the network's input, (..., H, W).
    """
    height, width = (
        math.ceil(side * own / whole)
        for side, own, whole in zip(maps.shape[2:], image[-2:], padded[-2:])
    )
    return maps[..., :height, :width]


def items(dataset: Dataset, count: int, seed: int) -> Iterator[dict]:
    """Yield items of a data set, drawn at random."""
    order = np.random.default_rng(seed).permutation(len(dataset))  # type: ignore[arg-type]
    for index in map(int, order[:count]):
        with random_numbers([seed, index]):  # of flips and crops
            yield dataset[index]

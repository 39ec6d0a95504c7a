"""Points of both domains in the feature space of a network, and their projection to a plane."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mmseg_gl.datasets.label_ids import IGNORED
from mmseg_gl.errors import UserError

DOMAINS = ('source', 'target')
# Of t-SNE: the number of principal components that it gets (scikit-learn's documentation: e.g. 50),
# and scikit-learn's default.
TSNE_INPUTS, PERPLEXITY = 50, 30.0


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


def principal_components(features: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Project features to their principal components.

    Args:
        features: (P, C).
        most: Largest number of components D.

    Returns:
        (P, D), and the share of the variance of each, (D,). Signs are chosen so that the largest
        weight of a component is positive.
    """
    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    variances, axes = np.linalg.eigh(centred.T @ centred)  # ascending
    variances, axes = variances[::-1].clip(0), axes[:, ::-1]
    chosen = axes[:, :most]
    largest = chosen[np.abs(chosen).argmax(axis=0), np.arange(chosen.shape[1])]
    shares = variances[:most] / max(variances.sum(), np.finfo(np.float64).tiny)
    return centred @ (chosen * np.where(largest < 0, -1, 1)), shares


def tsne(features: np.ndarray, seed: int) -> np.ndarray:
    """Project features, (P, C), to the plane with t-SNE, (P, 2), from their principal components.

    Raises:
        UserError: When scikit-learn is not installed.
    """
    try:
        from sklearn.manifold import TSNE
    except ImportError as error:
        raise UserError(
            "--method tsne needs scikit-learn: pip install 'mmseg-gl[tsne]', or use --method pca"
        ) from error
    inputs, _ = principal_components(features, TSNE_INPUTS)
    perplexity = min(PERPLEXITY, (len(inputs) - 1) / 3)
    return TSNE(init='pca', perplexity=perplexity, random_state=seed).fit_transform(inputs)


def domain_distances(points: Points) -> dict[int, float]:
    """Compute how far apart the domains are, for each class of both.

    Returns:
        By class number, the distance between the centroids of the domains, relative to the spread:
        the root of the mean squared distance of a point from the centroid of its domain, where both
        domains count half.
    """
    distances = {}
    for number in np.unique(points.classes):
        parts = [
            points.features[(points.classes == number) & (points.domains == domain)]
            for domain in range(len(DOMAINS))
        ]
        if min(map(len, parts)) < 2:
            continue
        centroids = [part.mean(axis=0) for part in parts]
        squares = [((p - c) ** 2).sum(axis=1).mean() for p, c in zip(parts, centroids)]
        spread = float(np.sqrt(np.mean(squares)))
        if spread > 0:
            distances[int(number)] = float(np.linalg.norm(centroids[0] - centroids[1])) / spread
    return distances


def mean(values: Iterable[float]) -> float | None:
    """Return the mean, None of nothing."""
    values = list(values)
    return sum(values) / len(values) if values else None

"""Projections of sampled pixels to a plane, and the distance between their domains."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mmseg_gl.errors import UserError
from mmseg_gl.experiments.pixel_sample import DOMAINS, Points

# Of t-SNE: the number of principal components that it gets (scikit-learn's documentation: e.g. 50),
# and scikit-learn's default.
TSNE_INPUTS, PERPLEXITY = 50, 30.0


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

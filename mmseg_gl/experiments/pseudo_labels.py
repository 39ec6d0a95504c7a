"""Pseudo labels by BDL's rule (Li et al., CVPR 2019; SSL.py), in constant memory.

A pixel keeps its label if its confidence is at least the median over all pixels of its class in
the target set, or at least a cap. SSL.py sorts all confidences at once (25 GB for Cityscapes); here
they are counted in bins of width 1/50000. The thresholds are bin edges, so the labels equal those
of the exact rule except for pixels less than one bin below the threshold of their class, which keep
their label. The cap of 0.9 is a bin edge and therefore exact.
"""

from collections.abc import Iterable

import numpy as np
import torch

from mmseg_gl.datasets.label_ids import IGNORED
from mmseg_gl.errors import UserError
from mmseg_gl.models import UDASegmentor

BINS = 50_000  # per unit of confidence: 0.9 is the edge of bin 45 000, and a bin fits into uint16


@torch.no_grad()
def predict(model: UDASegmentor, batch: dict) -> tuple[np.ndarray, np.ndarray]:
    """Predict the labels and confidences of one image.

    As in SSL.py, the probabilities (not the logits) are upsampled to the input size, with aligned
    corners if the network is trained so. The logits of sliding windows are averaged, as in tests.

    Args:
        model: In evaluation mode.
        batch: ``inputs`` and ``data_samples`` of one image, as returned by the data loader.

    Returns:
        The class of each pixel, (H, W) uint8, and the bin of its confidence, (H, W) uint16 in
        0..50000 (:func:`confidence_bins`).

    Raises:
        UserError: If the network's output is not finite.
    """
    data, network = model.data_preprocessor(batch, False), model.network
    images = data['inputs']
    if network.test_cfg.get('mode') == 'slide':
        metas = [sample.metainfo for sample in data['data_samples']]
        probabilities = network.slide_inference(images, metas).softmax(dim=1)
    else:
        probabilities = network.enlarged(model(images).softmax(dim=1), images.shape[2:])
    height, width = batch['inputs'][0].shape[1:]  # without padding
    confidence, labels = probabilities[0, :, :height, :width].max(dim=0)
    if not torch.isfinite(confidence).all():
        path = data['data_samples'][0].img_path
        raise UserError(
            f'the output for {path} is not finite, since training has diverged: use an '
            'earlier checkpoint'
        )
    return (
        labels.to(torch.uint8).cpu().numpy(),
        confidence_bins(confidence).cpu().numpy().astype(np.uint16),
    )


def confidence_bins(confidence: torch.Tensor) -> torch.Tensor:
    """Return floor(50000 * confidence), int64; exact for float32, as the product is float64."""
    return (confidence.double() * BINS).long().clamp(0, BINS)


def histogram(predictions: Iterable[tuple[np.ndarray, np.ndarray]], num_classes: int) -> np.ndarray:
    """Count the pixels of a set of images by class and confidence bin.

    Args:
        predictions: Output of :func:`predict` per image; consumed one at a time.
        num_classes: K.

    Returns:
        int64, (K, 50001).
    """
    counts = np.zeros(num_classes * (BINS + 1), np.int64)
    for labels, bins in predictions:
        pairs = labels.ravel().astype(np.int64) * (BINS + 1) + bins.ravel()
        counts += np.bincount(pairs, minlength=counts.size)
    return counts.reshape(num_classes, BINS + 1)


def find_thresholds(counts: np.ndarray, cap: float = 0.9, portion: float = 0.5) -> np.ndarray:
    """Find the threshold of each class: the confidence at quantile ``portion``, at most ``cap``.

    Args:
        counts: Output of :func:`histogram`.
        cap: Largest threshold, rounded to 1/50000 (SSL.py: 0.9).
        portion: The confidence is the one at rank round(portion * number of pixels of the class),
            half to even, counted from 0 in ascending order (SSL.py: 0.5).

    Returns:
        Bins, int64, (K,); 0 for a class without pixels.
    """
    thresholds = np.zeros(len(counts), np.int64)
    for c, sizes in enumerate(counts):
        if num_pixels := int(sizes.sum()):
            rank = min(round(portion * num_pixels), num_pixels - 1)
            thresholds[c] = np.searchsorted(np.cumsum(sizes), rank, side='right')
    return np.minimum(thresholds, round(cap * BINS))


def select(labels: np.ndarray, bins: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Return the labels, (H, W) uint8, with 255 where the bin is below the class's threshold."""
    return np.where(bins < thresholds[labels], np.uint8(IGNORED), labels)


def shares_kept(counts: np.ndarray, thresholds: np.ndarray) -> list[float | None]:
    """Return the share of pixels per class that keep their label; None for an absent class."""
    return [
        float(sizes[threshold:].sum() / sizes.sum()) if sizes.any() else None
        for sizes, threshold in zip(counts, thresholds)
    ]

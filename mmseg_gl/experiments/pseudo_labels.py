"""Pseudo labels by BDL's rule (Li et al., CVPR 2019; SSL.py), in constant memory.

Per class, a pixel keeps its label if the network is as confident of it as of the class's median
pixel in the whole target set, or more confident than a cap. SSL.py sorts all confidences at once
(25 GB for Cityscapes); here they are counted in bins of 1/50000. The thresholds are edges of bins,
so that the labels are those of the exact rule except for pixels less than one bin below their
class's threshold: these keep their label. The cap of 0.9 is such an edge and is exact.
"""

import numpy as np
import torch
import torch.nn.functional as F

from mmseg_gl.datasets.label_ids import IGNORED
from mmseg_gl.errors import UserError

BINS = 50_000  # per unit of confidence: 0.9 is the edge of bin 45 000, and a bin fits into uint16


@torch.no_grad()
def predict(model, batch):
    """Predict one image.

    The probabilities, not the logits, are upsampled to the input's size, corners aligned (SSL.py).

    Args:
        model (UDASegmentor): In evaluation mode.
        batch (dict): ``inputs`` and ``data_samples`` of one image, as the data loader gives them.

    Returns:
        tuple[ndarray, ndarray]: The class of each pixel, (H, W) uint8, and the bin of its
        confidence, (H, W) uint16 in 0..50000 (:func:`confidence_bins`).

    Raises:
        UserError: When the network's output is not finite.
    """
    data = model.data_preprocessor(batch, False)
    probabilities = F.interpolate(
        model(data['inputs']).softmax(dim=1),
        size=data['inputs'].shape[2:],
        mode='bilinear',
        align_corners=True,
    )
    confidence, labels = probabilities.squeeze(0).max(dim=0)
    if not torch.isfinite(confidence).all():
        path = data['data_samples'][0].img_path
        raise UserError(
            f'the network has no finite output for {path}; its training has diverged: use an '
            'earlier checkpoint'
        )
    return (
        labels.to(torch.uint8).cpu().numpy(),
        confidence_bins(confidence).cpu().numpy().astype(np.uint16),
    )


def confidence_bins(confidence):
    """Return floor(50000 * confidence), int64; exact for float32, as the product is float64."""
    return (confidence.double() * BINS).long().clamp(0, BINS)


def histogram(predictions, num_classes):
    """Count the pixels of a set of images by class and confidence.

    Args:
        predictions (Iterable[tuple[ndarray, ndarray]]): Output of :func:`predict` per image; one is
            held at a time.
        num_classes (int): K.

    Returns:
        ndarray: int64, (K, 50001).
    """
    counts = np.zeros(num_classes * (BINS + 1), np.int64)
    for labels, bins in predictions:
        pairs = labels.ravel().astype(np.int64) * (BINS + 1) + bins.ravel()
        counts += np.bincount(pairs, minlength=counts.size)
    return counts.reshape(num_classes, BINS + 1)


def find_thresholds(counts, cap=0.9, portion=0.5):
    """Find each class's threshold: the bin of the confidence at rank ``portion``, at most the cap.

    Args:
        counts (ndarray): Output of :func:`histogram`.
        cap (float): Largest threshold, rounded to 1/50000 (SSL.py: 0.9).
        portion (float): The rank is round(portion * number of pixels of the class), half to even,
            counted from 0 in ascending order (SSL.py: 0.5).

    Returns:
        ndarray: int64, (K,): bins. 0 for a class without pixels.
    """
    thresholds = np.zeros(len(counts), np.int64)
    for c, sizes in enumerate(counts):
        if num_pixels := int(sizes.sum()):
            rank = min(round(portion * num_pixels), num_pixels - 1)
            thresholds[c] = np.searchsorted(np.cumsum(sizes), rank, side='right')
    return np.minimum(thresholds, round(cap * BINS))


def select(labels, bins, thresholds):
    """Return the labels, (H, W) uint8, with 255 where the bin is below the class's threshold."""
    return np.where(bins < thresholds[labels], np.uint8(IGNORED), labels)


def shares_kept(counts, thresholds):
    """Return the share of each class's pixels that keep their label; None where there are none."""
    return [
        float(sizes[threshold:].sum() / sizes.sum()) if sizes.any() else None
        for sizes, threshold in zip(counts, thresholds)
    ]

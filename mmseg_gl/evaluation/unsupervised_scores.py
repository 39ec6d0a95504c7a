import math
from collections.abc import Sequence
from operator import eq
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import MessageHub
from mmseg.registry import METRICS
from torch import Tensor

from mmseg_gl.models.test_time.averaged_views import has_probabilities

LABELS = 'score_labels'  # key in the message hub of the labels at the last validation, a list


@METRICS.register_module()
class UnsupervisedScores(BaseMetric):
    """Scores of a network on unlabelled target images, for choosing checkpoints and settings.

    They are computed from the class probabilities of a fixed random sample of pixels. Higher
    is better; no label is read. With p the probabilities of a pixel:

    - ``score/entropy``: minus the mean entropy H(p), in nats. Methods that minimise the entropy
      (MinEnt), or that look at it (ADVENT), raise it whether they are right or not.
    - ``score/information``: H(mean of p) - mean of H(p), in nats: certain of each pixel, but not of
      the same class everywhere (mutual information; Krause et al., NeurIPS 2010).
    - ``score/SND``: soft neighbourhood density (Saito et al., ICCV 2021), in nats: the pixels of an
      image are compared by the cosine of their probabilities, softmax(cosine / 0.05) over the other
      pixels says which ones are a pixel's neighbours, and its mean entropy is high where pixels lie
      in dense groups.
    - ``score/BNM``: nuclear norm of the matrix of all p, one row per pixel (batch nuclear norm; Cui
      et al., CVPR 2020), divided by its largest possible value: 0 to 1.
    - ``score/agreement``: share of the pixels with the same class as at the previous validation; 0
      at the first one.

    Each can be ``save_best``; all but the last are nan for a network without finite outputs.

    Args:
        pixels: Number of pixels per image (Saito et al. for segmentation: 100).
        temperature: Temperature of SND (Saito et al.: 0.05).
        **kwargs: See mmengine's ``BaseMetric``.
    """

    default_prefix = 'score'

    def __init__(self, pixels: int = 100, temperature: float = 0.05, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pixels, self.temperature = pixels, temperature

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Add the probabilities of the pixels of each image, (pixels, K), to the results."""
        for sample in data_samples:
            maps = sample['seg_logits']['data'].flatten(1)
            number = len(self.results)  # of the image in this process: the same ones every time
            picks = np.random.default_rng(number).integers(maps.shape[1], size=self.pixels)
            picked = maps[:, torch.from_numpy(picks).to(maps.device)].T.float()
            if not has_probabilities(sample):
                picked = picked.softmax(dim=1)
            self.results.append(picked.cpu())

    def compute_metrics(self, results: list[Tensor]) -> dict[str, float]:
        """Return the scores by name."""
        probabilities = torch.stack(results)
        hub = MessageHub.get_current_instance()
        labels, before = probabilities.argmax(dim=2).flatten().tolist(), hub.get_info(LABELS)
        comparable = isinstance(before, list) and len(before) == len(labels)
        hub.update_info(LABELS, labels)
        return {
            'entropy': -float(entropy(probabilities).mean()),
            'information': information(probabilities),
            'SND': neighbourhood_density(probabilities, self.temperature),
            'BNM': nuclear_norm(probabilities),
            'agreement': float(np.mean(list(map(eq, labels, before)))) if comparable else 0.0,
        }


def entropy(probabilities: Tensor) -> Tensor:
    """Return the entropy in nats along the last axis of probabilities."""
    return torch.special.entr(probabilities).sum(dim=-1)


def information(probabilities: Tensor) -> float:
    """Return the entropy of the mean of probabilities (N, P, K) minus the mean of their entropy."""
    mean = probabilities.flatten(0, 1).mean(dim=0)
    return float(entropy(mean) - entropy(probabilities).mean())


def neighbourhood_density(probabilities: Tensor, temperature: float) -> float:
    """Return the mean of SND over images, from probabilities (N, P, K)."""
    units = torch.nn.functional.normalize(probabilities, dim=2)
    similarity = units @ units.mT / temperature
    own = torch.eye(similarity.shape[1], dtype=torch.bool)
    neighbours = similarity.masked_fill(own, -torch.inf).softmax(dim=2)
    return float(entropy(neighbours).mean())


def nuclear_norm(probabilities: Tensor) -> float:
    """Return the nuclear norm of all probabilities (N, P, K) as one matrix, in [0, 1].

    sqrt(rows * smaller side) bounds it: the Frobenius norm is at most sqrt(rows), the nuclear one
    at most sqrt(rank) times that (Cui et al., equation 5).
    """
    matrix = probabilities.flatten(0, 1)
    if not matrix.isfinite().all():  # then there are no singular values
        return math.nan
    bound = (matrix.shape[0] * min(matrix.shape)) ** 0.5
    return float(torch.linalg.svdvals(matrix.double()).sum() / bound)

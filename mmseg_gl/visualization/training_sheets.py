"""Sheets of training pairs: what the network gets, and what it makes of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_gl.models import BaseDiscriminatorHead, ImageBatch, Outputs, UDASegmentor
from mmseg_gl.models.normalization import Normalization
from mmseg_gl.models.representations import entropy_map
from mmseg_gl.visualization.colours import DOMAIN, ENTROPY, WEIGHT, colour_map, label_table
from mmseg_gl.visualization.sheet import Cell, reduced_size, sheet


def training_sheets(
    model: UDASegmentor, data: dict[str, Any], metainfo: dict, number: int, predict: bool = True
) -> list[np.ndarray]:
    """Draw a sheet of each of the first pairs of a batch; see :func:`training_rows`.

    Returns:
        Pictures, RGB, (H, W, 3) uint8.
    """
    pairs = training_rows(model, data, metainfo, number, predict)
    return [sheet(rows, metainfo['classes'], metainfo['palette']) for rows in pairs]


@torch.no_grad()
def training_rows(
    model: UDASegmentor, data: dict[str, Any], metainfo: dict, number: int, predict: bool = True
) -> list[list[list[Cell]]]:
    """Draw the rows of a sheet of each of the first pairs of a batch.

    ::

        source image | its labels | prediction
        target image | (its pseudo labels) | prediction | entropy | a map of each discriminator
        image of each view | its labels | weights of its pixels

    Predictions are those of the evaluated network, which is in evaluation mode meanwhile. The views
    make images of the whole batch, with the model in training mode. The model's random draws and
    its running statistics go on as in a step of training.

    Args:
        model: The model; it is in training mode afterwards.
        data: A batch of a :class:`UDADataset`: ``inputs`` and ``data_samples`` by domain.
        metainfo: ``classes`` and ``palette`` of the data set.
        number: Number of pairs to draw.
        predict: Whether to draw what the network predicts.

    Returns:
        The rows of each pair.
    """
    batches = {domain: model.batch(of_domain) for domain, of_domain in data.items()}
    painter = Painter(model, metainfo)
    model.eval()
    rows = [
        [painter.domain_row(name, batch.image(i), predict) for name, batch in batches.items()]
        for i in range(number)
    ]
    model.train()
    if 'target' in batches:
        teacher = cache(model.teacher.label) if model.teacher else None
        for name in model.names['views']:
            view = getattr(model, name)(batches, teacher)
            for i in range(number):
                rows[i].append(painter.view_row(name, view.image(i)))
    return rows


class Painter:
    """Draws the rows of sheets.

    Args:
        model: The model.
        metainfo: With the ``palette`` of the labels.
    """

    def __init__(self, model: UDASegmentor, metainfo: dict) -> None:
        self.model = model
        self.table = label_table(metainfo['palette'])

    def domain_row(self, name: str, batch: ImageBatch, predict: bool) -> list[Cell]:
        """Draw a batch of one image, and what the evaluated network makes of it."""
        path = batch.samples[0].get('img_path', '')
        cells = [Cell(f'{name} {os.path.basename(path)}', self.image(batch))]
        if batch.labels is not None:
            title = 'labels' if name == 'source' else 'pseudo labels'
            cells.append(Cell(title, self.labels(batch.labels)))
        if predict:
            outputs = self.model.network(batch, mode='outputs')
            cells += self.prediction(outputs)
            if name == 'target':
                cells += self.adaptation(outputs)
        return cells

    def prediction(self, outputs: Outputs) -> list[Cell]:
        """Draw the most likely classes."""
        network = '' if self.model.evaluated == 'segmentor' else f' ({self.model.evaluated})'
        logits = sampled(outputs.logits['decode'])
        return [Cell(f'prediction{network}', self.labels(logits.argmax(dim=1)))]

    def adaptation(self, outputs: Outputs) -> list[Cell]:
        """Draw the entropy and the maps of the discriminators."""
        entropy = entropy_map(sampled(outputs.logits['decode'])).sum(dim=1)
        cells = [Cell('entropy', colour_map(array(entropy), ENTROPY), ENTROPY)]
        size = reduced_size(*outputs.images.shape[2:])
        for name in self.model.names['heads']:
            head = getattr(self.model, name)
            if isinstance(head, BaseDiscriminatorHead):
                title = name.replace('_', ' ') + ('' if name in self.model.active else ' (off)')
                values = sampled(head.source_probability(outputs, size)[:, None], size)[:, 0]
                cells.append(Cell(title, colour_map(array(values), DOMAIN), DOMAIN))
        return cells

    def view_row(self, name: str, batch: ImageBatch) -> list[Cell]:
        """Draw an image of a view, its labels and the weights of its pixels."""
        assert batch.labels is not None
        weights = batch.weights
        if weights is None:
            weights = torch.ones_like(batch.labels, dtype=batch.images.dtype)
        values = array(sampled(weights[:, None])[:, 0])
        return [
            Cell(name + ('' if name in self.model.active else ' (off)'), self.image(batch)),
            Cell('labels', self.labels(batch.labels)),
            Cell('weights', colour_map(values, WEIGHT), WEIGHT),
        ]

    def image(self, batch: ImageBatch) -> np.ndarray:
        """Return the colours of a batch of one image, at the size of a cell."""
        size = reduced_size(*batch.images.shape[2:])
        images = F.interpolate(batch.images.float(), size=size, mode='area')
        colours = self.normalization(images).to_rgb(images).clamp(0, 1) * 255
        return array(colours.round().byte().permute(0, 2, 3, 1))

    def normalization(self, images: Tensor) -> Normalization:
        """Return how colours became images; without a mean and a std they are 0..255."""
        own = Normalization.of(self.model.data_preprocessor)
        if own is not None:
            return own
        rgb = getattr(self.model.data_preprocessor, '_channel_conversion', False)
        return Normalization(images.new_zeros(3, 1, 1), images.new_ones(3, 1, 1), rgb)

    def labels(self, labels: Tensor) -> np.ndarray:
        """Return the colours of the labels of one image, at the size of a cell."""
        return self.table[array(sampled(labels[:, None].byte())[:, 0])]


def sampled(maps: Tensor, size: Sequence[int] | None = None) -> Tensor:
    """Return the pixels of maps, (N, C, H, W), that a cell shows, or those of another size."""
    size = reduced_size(*maps.shape[2:]) if size is None else size
    return F.interpolate(maps, size=size, mode='nearest-exact')


def array(tensor: Tensor) -> np.ndarray:
    """Return the only entry of a batch as an array."""
    return tensor[0].cpu().numpy()

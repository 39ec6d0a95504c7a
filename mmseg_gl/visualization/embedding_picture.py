from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np

PANEL, LEGEND, DPI = 4.0, 1.7, 130  # inches
LAYERS = 20  # parts in which the points are drawn, so that neither domain covers the other
MARKERS = {'source': 'o', 'target': '^'}
DOMAIN_COLOURS = {'source': '#0072b2', 'target': '#e69f00'}  # of Okabe and Ito's palette


class Embedding(NamedTuple):
    """Points of a network in a plane.

    Attributes:
        title: Name of the network.
        places: (P, 2).
        classes: Class number of each point, (P,).
        domains: 0 for the source, 1 for the target, (P,).
        axes: Names of both axes.
    """

    title: str
    places: np.ndarray
    classes: np.ndarray
    domains: np.ndarray
    axes: tuple[str, str]


def embedding_picture(
    embeddings: Sequence[Embedding], names: Sequence[str], palette: Sequence, title: str
) -> bytes:
    """Draw points of both domains, a column for each network: above by class, below by domain.

    Args:
        embeddings: At least one.
        names: Names of the K classes.
        palette: Their colours, K times RGB 0..255.
        title: Text above.

    Returns:
        A PNG.
    """
    from matplotlib.figure import Figure  # no pyplot: needs no display, and changes no settings
    from matplotlib.lines import Line2D

    size = (PANEL * len(embeddings) + LEGEND, 2 * PANEL + 0.5)
    figure = Figure(figsize=size, dpi=DPI, layout='constrained')
    panels = figure.subplots(2, len(embeddings), squeeze=False)
    colours = np.asarray(palette) / 255
    for column, embedding in zip(panels.T, embeddings):
        by_domain = np.array(list(DOMAIN_COLOURS.values()), dtype=object)[embedding.domains]
        order = np.random.default_rng(0).permutation(len(embedding.places))
        for axes, colour in zip(column, (colours[embedding.classes], by_domain)):
            for part, (domain, marker) in product(
                np.array_split(order, LAYERS), enumerate(MARKERS.values())
            ):
                chosen = part[embedding.domains[part] == domain]
                axes.scatter(
                    *embedding.places[chosen].T,
                    c=list(colour[chosen]),
                    marker=marker,
                    s=14,
                    linewidths=0.3,
                    edgecolors='0.25',
                    alpha=0.75,
                )
            axes.set_xticks([])
            axes.set_yticks([])
            axes.set_xlabel(embedding.axes[0], fontsize='small')
            axes.set_ylabel(embedding.axes[1], fontsize='small')
        column[0].set_title(embedding.title)
    figure.suptitle(title, fontsize='medium')

    def handle(label: str, colour: Any, marker: str) -> Line2D:
        return Line2D(
            [], [], label=label, color=colour, marker=marker, linestyle='', markeredgecolor='0.25'
        )

    occurring = np.unique(np.concatenate([embedding.classes for embedding in embeddings]))
    shapes = [handle(domain, '0.85', marker) for domain, marker in MARKERS.items()]
    by_class = [handle(names[number], colours[number], 's') for number in occurring]
    domains = [handle(name, DOMAIN_COLOURS[name], marker) for name, marker in MARKERS.items()]
    for axes, handles in zip(panels[:, -1], ([*by_class, *shapes], domains)):
        axes.legend(
            handles=handles,
            loc='upper left',
            bbox_to_anchor=(1.0, 1.0),
            frameon=False,
            fontsize='small',
        )
    file = io.BytesIO()
    figure.savefig(file, format='png')
    return file.getvalue()

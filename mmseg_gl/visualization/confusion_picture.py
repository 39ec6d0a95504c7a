import io
from collections.abc import Sequence

import numpy as np

MOST_WITH_NUMBERS = 40  # classes; the numbers of more would be too small to read
CELL, DPI = 0.36, 120  # inches per class


def confusion_picture(matrix: np.ndarray, names: Sequence[str], title: str) -> bytes:
    """Draw a confusion matrix, each row in percent of the pixels of its class.

    Args:
        matrix: (K, K) counts, indexed [ground truth, prediction].
        names: Names of the K classes.
        title: Text above the matrix.

    Returns:
        A PNG. The rows of classes that do not occur are grey.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure  # no pyplot: needs no display, and changes no settings

    total = matrix.sum(axis=1, keepdims=True)
    percent = np.ma.masked_where(
        np.broadcast_to(total == 0, matrix.shape), 100 * matrix / np.maximum(total, 1)
    )
    side = CELL * max(len(names), 6)
    figure = Figure(figsize=(side + 2.4, side + 1.9), dpi=DPI, layout='constrained')
    axes = figure.add_subplot()
    colours = colormaps['Blues'].with_extremes(bad='0.92')
    image = axes.imshow(percent, cmap=colours, vmin=0, vmax=100)
    ticks = range(len(names))
    axes.set_xticks(ticks, names, rotation=90)
    axes.set_yticks(ticks, names)
    axes.set_xlabel('prediction')
    axes.set_ylabel('ground truth')
    axes.set_title(title, fontsize='medium')
    bar = figure.colorbar(image, ax=axes, shrink=0.6)
    bar.set_label("% of the class's pixels")
    for i, j in np.argwhere(percent.filled(0) >= 0.5) if len(names) <= MOST_WITH_NUMBERS else ():
        dark = percent[i, j] > 60
        axes.text(
            *(j, i, f'{percent[i, j]:.0f}'),
            ha='center',
            va='center',
            color='white' if dark else 'black',
            fontsize=8,
        )
    file = io.BytesIO()
    figure.savefig(file, format='png')
    return file.getvalue()

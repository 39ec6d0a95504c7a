"""Pictures of curves over the iterations of one or several runs."""

from __future__ import annotations

import math
import os
import statistics
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from PIL import Image

from mmseg_gl.errors import UserError
from mmseg_gl.files import whole_file

SOFTWARE = 'mmseg_gl curves'  # entry of a PNG's text that tells that it was drawn here
WIDTH, HEIGHT = 3.9, 2.6  # of a panel, in inches
COLUMNS = 4  # most panels side by side
SHARE = 30  # smoothed curves are means over this part of their points


@dataclass
class Curve:
    """One line of a panel.

    Attributes:
        run: Name of its run, which has a colour and an entry in the legend.
        points: Iteration -> value.
        dashed: Whether the line is dashed.
        faint: Whether the line is thin and pale.
        dots: Whether each point is marked.
    """

    run: str
    points: dict[int, float]
    dashed: bool = False
    faint: bool = False
    dots: bool = False

    def smoothed(self) -> list[Curve]:
        """Return the curve, faint, and the centred moving mean of its points.

        Its window is a thirtieth of the points, but at least three.
        """
        values, half = list(self.points.values()), max(1, len(self.points) // SHARE // 2)
        windows = (values[max(0, i - half) : i + half + 1] for i in range(len(values)))
        means = dict(zip(self.points, map(statistics.mean, windows)))
        return [
            Curve(self.run, self.points, self.dashed, faint=True),
            Curve(self.run, means, self.dashed),
        ]


def draw_curves(
    panels: dict[str, list[Curve]], path: str, note: str = '', scale: float = 1
) -> None:
    """Draw panels of curves side by side as a PNG.

    Args:
        panels: Curves by the panel's title; none is empty.
        path: The file.
        note: A line below the panels.
        scale: Size of the panels; 1 stands for 3.9 x 2.6 inches of 110 pixels.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    runs = list(dict.fromkeys(curve.run for curves in panels.values() for curve in curves))
    palette = colormaps['tab10' if len(runs) <= 10 else 'tab20'].colors
    colours = {run: palette[i % len(palette)] for i, run in enumerate(runs)}
    last = max(max(curve.points) for curves in panels.values() for curve in curves)
    columns = min(COLUMNS, len(panels))
    rows = math.ceil(len(panels) / columns)
    figure = Figure((scale * columns * WIDTH, scale * rows * HEIGHT + 0.8), layout='constrained')
    axes = figure.subplots(rows, columns, squeeze=False).flatten()
    for panel, (title, curves) in zip(axes, panels.items()):
        panel.set_title(title, fontsize=10)
        panel.set_xlim(0, 1.03 * last)
        panel.grid(color='0.9')
        panel.tick_params(labelsize=8)
        for curve in curves:
            panel.plot(
                list(curve.points),
                list(curve.points.values()),
                color=colours[curve.run],
                linestyle='--' if curve.dashed else '-',
                linewidth=0.8 if curve.faint else 1.6,
                alpha=0.4 if curve.faint else 1,
                marker='o' if curve.dots else None,
                markersize=3,
            )
    for panel in axes[len(panels) :]:
        panel.set_visible(False)
    handles: list[Any] = [Line2D([], [], color=colours[run], label=run) for run in runs]
    figure.legend(handles=handles, loc='outside upper center', ncols=columns, fontsize=9)
    figure.supxlabel(f'iterations{note and ". "}{note}', fontsize=9)
    with whole_file(path) as file:
        figure.savefig(file, format='png', dpi=110, metadata={'Software': SOFTWARE})


def check_own_picture(path: str, option: str) -> None:
    """Check that a picture may be written.

    Args:
        path: The file.
        option: The command line option that names it, for the error message.

    Raises:
        UserError: If there is a file of that name that was not drawn by :func:`draw_curves`.
    """
    if not os.path.lexists(path):
        return
    if os.path.isfile(path):
        with suppress(OSError, ValueError, SyntaxError), Image.open(path) as picture:
            if picture.info.get('Software') == SOFTWARE:
                return
    raise UserError(f'{path} was not written by this tool; move it, or name another {option}')

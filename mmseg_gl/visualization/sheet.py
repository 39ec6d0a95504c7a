"""Sheets: rows of small pictures with titles, and the colours of the classes below them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mmseg_gl.visualization.colours import Scale, colour_table

# In pixels. Pictures are reduced to LARGEST; those narrower than LEAST are enlarged a whole number
# of times, so that each pixel becomes a square.
LARGEST, LEAST = (512, 320), 256
MARGIN, HEADER, FONT, BAR = 4, 18, 12, 48


@dataclass(eq=False)
class Cell:
    """A picture on a sheet.

    Attributes:
        title: What it shows.
        pixels: RGB, (H, W, 3) uint8; see :func:`reduced_size`.
        scale: Colour map of its values, which is drawn beside the title.
    """

    title: str
    pixels: np.ndarray
    scale: Scale | None = None


def reduced_size(height: int, width: int, largest: tuple[int, int] = LARGEST) -> tuple[int, int]:
    """Return the height and width to which a picture is reduced to be a cell.

    Args:
        height, width: Of the picture.
        largest: Width and height that a cell can have.
    """
    factor = min(largest[0] / width, largest[1] / height, 1)
    return max(round(height * factor), 1), max(round(width * factor), 1)


def enlarged(pixels: np.ndarray) -> np.ndarray:
    """Return a picture, (H, W, 3), as large as it is drawn."""
    height, width = pixels.shape[:2]
    factor = max(min(-(-LEAST // width), LARGEST[1] // height), 1)
    if factor == 1:
        return pixels
    return cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST)


def sheet(
    rows: Sequence[Sequence[Cell]],
    classes: Sequence[str] = (),
    palette: Sequence[Sequence[int]] = (),
) -> np.ndarray:
    """Draw a sheet.

    Args:
        rows: Cells from left to right; each row is as high as its highest cell.
        classes, palette: Names and RGB colours of the classes.

    Returns:
        RGB, (H, W, 3) uint8.
    """
    rows = [[replace(cell, pixels=enlarged(cell.pixels)) for cell in row] for row in rows]
    sizes = [[cell.pixels.shape[:2] for cell in row] for row in rows]
    heights = [HEADER + max(height for height, _ in row) + MARGIN for row in sizes]
    width = max(MARGIN + sum(width + MARGIN for _, width in row) for row in sizes)
    key = legend(tuple(classes), tuple(map(tuple, palette)), width)
    picture = np.full((sum(heights) + len(key), width, 3), 255, np.uint8)
    top = 0
    for row, height in zip(rows, heights):
        left = MARGIN
        for cell in row:
            high, wide = cell.pixels.shape[:2]
            picture[top : top + HEADER, left : left + wide] = header(cell.title, cell.scale, wide)
            picture[top + HEADER : top + HEADER + high, left : left + wide] = cell.pixels
            left += wide + MARGIN
        top += height
    picture[top:] = key
    return picture


@cache
def font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=FONT)


@lru_cache(1000)
def header(title: str, scale: Scale | None, width: int) -> np.ndarray:
    """Draw the title of a cell, shortened to its width, and the colour map of its values."""
    strip = Image.new('RGB', (width, HEADER), 'white')
    draw = ImageDraw.Draw(strip)
    room = width
    if scale is not None:
        high = width - round(draw.textlength(scale.high, font=font()))
        bar = high - MARGIN - BAR
        room = bar - MARGIN - round(draw.textlength(scale.low, font=font()))
        draw.text((room, 1), scale.low, fill='black', font=font())
        draw.text((high, 1), scale.high, fill='black', font=font())
        colours = Image.fromarray(np.broadcast_to(colour_table(scale), (HEADER - 6, 256, 3)))
        strip.paste(colours.resize((BAR, HEADER - 6), Image.Resampling.NEAREST), (bar, 3))
        room -= MARGIN
    if draw.textlength(title, font=font()) > room:
        while title and draw.textlength(f'{title}…', font=font()) > room:
            title = title[:-1]
        title += '…'
    draw.text((0, 1), title, fill='black', font=font())
    return np.asarray(strip)


@lru_cache(100)
def legend(
    classes: tuple[str, ...], palette: tuple[tuple[int, ...], ...], width: int
) -> np.ndarray:
    """Draw the names and colours of classes, in as many lines as they need in a width."""
    draw = ImageDraw.Draw(Image.new('RGB', (1, 1)))
    left, line, places = MARGIN, 0, []
    entries = [*zip(classes, palette), ('no label', (0, 0, 0))] if classes else []
    for name, _ in entries:
        room = HEADER + MARGIN + round(draw.textlength(name, font=font())) + 2 * MARGIN
        if left > MARGIN and left + room > width:
            left, line = MARGIN, line + 1
        places.append((left, line * HEADER))
        left += room
    strip = Image.new('RGB', (width, (line + 1) * HEADER + MARGIN if entries else 0), 'white')
    draw = ImageDraw.Draw(strip)
    for (name, colour), (left, top) in zip(entries, places):
        box = (left, top + 2, left + HEADER - 2, top + HEADER - 4)
        draw.rectangle(box, fill=colour, outline='grey')
        draw.text((left + HEADER + 2, top + 1), name, fill='black', font=font())
    return np.asarray(strip)

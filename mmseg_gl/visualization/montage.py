"""A picture that sets images, labels and predictions side by side."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

MARGIN, HEADER = 4, 24


def montage(columns, palette, cell_width=320):
    """Draw rows of equally large cells under column titles.

    Args:
        columns (dict[str, list[Image | ndarray]]): Per column title one cell per row: a PIL image,
            or (H, W) uint8 trainIds, 255 (black) where there is no label.
        palette (Sequence[Sequence[int]]): RGB colour 0..255 of every trainId.
        cell_width (int): Pixels; heights follow the first cell's aspect ratio.

    Returns:
        Image: The picture, RGB.
    """
    first = cells_of(next(iter(columns.values())), palette)[0]
    cell_height = round(cell_width * first.height / first.width)
    rows = max(len(cells) for cells in columns.values())
    picture = Image.new(
        'RGB',
        (
            len(columns) * (cell_width + MARGIN) + MARGIN,
            HEADER + rows * (cell_height + MARGIN) + MARGIN,
        ),
        'white',
    )
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=14)
    for i, (title, cells) in enumerate(columns.items()):
        left = MARGIN + i * (cell_width + MARGIN)
        draw.text((left, MARGIN), title, fill='black', font=font)
        for j, cell in enumerate(cells_of(cells, palette)):
            cell = cell.resize((cell_width, cell_height), Image.Resampling.NEAREST)
            picture.paste(cell, (left, HEADER + j * (cell_height + MARGIN)))
    return picture


def cells_of(cells, palette):
    return [cell if isinstance(cell, Image.Image) else colour(cell, palette) for cell in cells]


def colour(labels, palette):
    """Turn (H, W) trainIds into an RGB image; ids without a colour are black."""
    table = np.zeros((256, 3), np.uint8)
    table[: len(palette)] = palette
    return Image.fromarray(table[labels])

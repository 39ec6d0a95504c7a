"""Montage of images, labels and predictions, side by side."""

from PIL import Image, ImageDraw, ImageFont

MARGIN, HEADER = 4, 24


def montage(columns: dict[str, list[Image.Image]], cell_width: int = 320) -> Image.Image:
    """Draw a grid of equally large cells with column titles.

    Args:
        columns: The cells of each column, from top to bottom, by column title; labels are palette
            images (:class:`LabelWriter`).
        cell_width: In pixels; the height follows from the aspect ratio of the first cell.

    Returns:
        The montage, RGB.
    """
    first = next(iter(columns.values()))[0]
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
        for j, cell in enumerate(cells):
            cell = cell.convert('RGB').resize((cell_width, cell_height), Image.Resampling.NEAREST)
            picture.paste(cell, (left, HEADER + j * (cell_height + MARGIN)))
    return picture

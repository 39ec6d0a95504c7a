"""A picture that sets images, labels and predictions side by side."""

from PIL import Image, ImageDraw, ImageFont

MARGIN, HEADER = 4, 24


def montage(columns, cell_width=320):
    """Draw rows of equally large cells under column titles.

    Args:
        columns (dict[str, list[Image]]): Per column title one cell per row; labels are palette
            images (:class:`LabelWriter`).
        cell_width (int): Pixels; heights follow the first cell's aspect ratio.

    Returns:
        Image: The picture, RGB.
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

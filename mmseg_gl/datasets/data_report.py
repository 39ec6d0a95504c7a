"""Report on files of data or weights, for tools/check_data.py."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from mmseg_gl.datasets.label_ids import IGNORED

MAX_NAMED = 5  # files per kind of trouble
Size = tuple[int, int]  # width, height


@dataclass
class DataReport:
    """Findings about one data set or one file of weights.

    Attributes:
        title: Name, type and folder of the data set.
        classes: Names of the classes.
        images: Number of images.
        labels: Number of labels; None if the pipeline loads none.
        opened: Number of images that were opened.
        sizes: Number of images by (width, height).
        pixels: Number of label pixels by class, (256,).
        troubles: Sentences by kind of trouble.
        notes: Remarks on things that are worth knowing but not wrong.
    """

    title: str
    classes: tuple[str, ...] = ()
    images: int = 0
    labels: int | None = None
    opened: int = 0
    sizes: Counter[Size] = field(default_factory=Counter)
    pixels: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))
    troubles: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add_trouble(self, kind: str, sentence: str) -> None:
        self.troubles.setdefault(kind, []).append(sentence)

    @property
    def num_troubles(self) -> int:
        return sum(len(sentences) for sentences in self.troubles.values())

    def lines(self) -> list[str]:
        """Return the report as lines of text."""
        lines = [self.title]
        if self.images:
            labels = 'labels are not used' if self.labels is None else f'{self.labels} labels'
            opened = 'all' if self.opened == self.images else f'{self.opened} images'
            lines.append(f'  {self.images} images, {labels}; {opened} opened')
        sizes = [f'{w}x{h} ({count} images)' for (w, h), count in self.sizes.most_common()]
        if sizes:
            more = f', and {len(sizes) - MAX_NAMED} more' if len(sizes) > MAX_NAMED else ''
            lines.append(f'  sizes: {", ".join(sizes[:MAX_NAMED])}{more}')
        if self.pixels.any():
            lines += self.histogram_lines()
        lines += [f'  note: {note}' for note in self.notes]
        for kind, sentences in self.troubles.items():
            lines.append(f'  PROBLEM: {kind} ({len(sentences)})')
            lines += [f'    {sentence}' for sentence in sentences[:MAX_NAMED]]
            if len(sentences) > MAX_NAMED:
                lines.append(f'    ... and {len(sentences) - MAX_NAMED} more')
        return lines

    def histogram_lines(self) -> list[str]:
        percent = 100 * self.pixels / self.pixels.sum()
        absent = [name for c, name in enumerate(self.classes) if not self.pixels[c]]
        rows = [
            f'    {name:<14} {percent[c]:6.2f}'
            for c, name in enumerate(self.classes)
            if self.pixels[c]
        ]
        return [
            '  pixels per class (%):',
            *rows,
            f'    {"(ignored)":<14} {percent[IGNORED]:6.2f}',
            *([f'  never occur: {", ".join(absent)}'] if absent else []),
        ]

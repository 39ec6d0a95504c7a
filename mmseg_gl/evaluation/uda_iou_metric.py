from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmseg.datasets import CityscapesDataset
from mmseg.registry import METRICS

from mmseg_gl.datasets.label_ids import IGNORED, check_class_numbers
from mmseg_gl.errors import UserError

CITYSCAPES = set(CityscapesDataset.METAINFO['classes'])
# The classes among the 19 that the means for SYNTHIA leave out; BDL, evaluation.py.
NOT_IN_16 = ('terrain', 'truck', 'train')
NOT_IN_13 = (*NOT_IN_16, 'wall', 'fence', 'pole')
CITYSCAPES_16 = CITYSCAPES - set(NOT_IN_16)


@METRICS.register_module()
class UDAIoUMetric(BaseMetric):
    """IoU per class and mIoU; for Cityscapes' classes also SYNTHIA's 16- and 13-class mIoU.

    All pixels whose ground truth is one of the K classes of the data set go into one KxK confusion
    matrix over all images, and IoU = TP / (TP + FP + FN). All means come from this one pass. For
    Cityscapes' classes:

    - 19 outputs (AdaptSegNet, BDL, DAFormer): the 16- and 13-class figures average rows of the
      19x19 matrix. Ground truth of a left-out class stays valid: predicting something else there
      is an error of that something.
    - 16 outputs (ADVENT, DADA): terrain, truck and train are 255 in the ground truth and ignored,
      which gives slightly higher figures. The 13-class figure averages rows of the 16x16 matrix.

    ``ignored_classes`` ignores ground truth for 19-output networks in the same way; predicting one
    of those classes elsewhere remains an error. A class that occurs in no valid ground truth has no
    IoU and is left out of the means; in Cityscapes' validation set all 19 occur.

    ``evaluate`` returns, in percent, ``mIoU``, for Cityscapes' classes ``mIoU16`` and ``mIoU13``,
    and ``IoU.<class>`` for every class that occurs. ``save_best='mIoU'`` works.

    Args:
        ignored_classes: Classes whose ground truth is ignored, e.g. ``('terrain', 'truck',
            'train')`` to compare 19 outputs with 16.
        table: Print a table and return all figures; else return ``mIoU`` alone, if there is one.
        **kwargs: See mmengine's ``BaseMetric``.

    Attributes:
        protocol: How the figures were measured, in words, as far as the data samples tell: outputs,
            ignored ground truth, the sizes of the input and of the scored maps, and which maps were
            upsampled; then the ``remarks``. None before ``evaluate``.
        remarks: What else the protocol must name, in words.
        per_image: Path and confusion matrix of each image of the last ``evaluate``; in the first
            process only.

    Raises:
        UserError: When an ignored class is not in the data set; when an image has no label, or one
            of another size or with more classes; when the network predicts a class that the data
            set does not have; or when no label has a class that counts.
    """

    default_prefix = ''  # names of figures have no prefix, so that save_best='mIoU' finds them

    def __init__(
        self,
        ignored_classes: Sequence[str] = (),
        table: bool = True,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.ignored_classes = tuple(ignored_classes)
        self.table = table
        self.protocol: str | None = None
        self.remarks: Sequence[str] = ()
        self.per_image: list[tuple[str, np.ndarray]] = []

    @BaseMetric.dataset_meta.setter
    def dataset_meta(self, dataset_meta: dict[str, Any]) -> None:
        self._dataset_meta = dataset_meta
        self.ignored_indices()  # fails before training, not at its first validation

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Add the confusion matrix of each image, and what describes the protocol, to the results.

        A matrix is (K, K) int64, indexed [ground truth, prediction].
        """
        num_classes = len(self.dataset_meta['classes'])
        ignored = [IGNORED, *self.ignored_indices()]
        for sample in data_samples:
            image = sample.get('img_path', 'an image')
            if 'gt_sem_seg' not in sample:
                raise UserError(
                    f'{image} has no label, so no metric can be computed; give the '
                    'data set labels (LoadTrainIds), or predict images with tools/infer.py'
                )
            truth = sample['gt_sem_seg']['data'].squeeze(0).cpu().numpy().astype(np.int64)
            prediction = sample['pred_sem_seg']['data'].squeeze(0).cpu().numpy().astype(np.int64)
            if truth.shape != prediction.shape:
                raise UserError(
                    f'the label of {image} is {truth.shape[1]}x{truth.shape[0]}, but the image is '
                    f'{prediction.shape[1]}x{prediction.shape[0]}; labels must have the size of '
                    'their image'
                )
            if prediction.max() >= num_classes:
                raise UserError(
                    f'the network predicts the class number {prediction.max()}, but the data set '
                    f'has {num_classes} classes (from 0); give both the same classes'
                )
            valid = np.logical_and.reduce([truth != label for label in ignored])
            check_class_numbers(truth[valid], num_classes, f'the label of {image}')
            pairs = num_classes * truth[valid] + prediction[valid]
            matrix = np.bincount(pairs, minlength=num_classes**2)
            self.results.append(
                (
                    matrix.reshape(num_classes, num_classes),
                    tuple(sample.get('img_shape', ())[:2]),
                    truth.shape,
                    sample.get('upsampled', 'logits'),
                    image,
                )
            )

    def ignored_indices(self) -> list[int]:
        names = self.dataset_meta['classes']
        if unknown := [name for name in self.ignored_classes if name not in names]:
            raise UserError(
                f'ignored_classes names "{unknown[0]}", but the classes of the data set are '
                f'{", ".join(names)}'
            )
        return [names.index(name) for name in self.ignored_classes]

    def compute_metrics(self, results: list[tuple]) -> dict[str, float]:
        """Sum the confusion matrices, print a table, and return the figures in percent by name."""
        names = self.dataset_meta['classes']
        matrices, *how, images = zip(*results)
        self.per_image = list(zip(images, matrices))
        matrix = sum(matrices)
        if not self.table:
            return dict(mIoU=iou_figures(matrix, names)['mIoU']) if matrix.any() else {}
        if not matrix.any():
            raise UserError(
                'no pixel of the validation labels has a class that counts: do the ids of '
                'LoadTrainIds match them?'
            )
        figures = iou_figures(matrix, names)
        protocol = protocol_in_words(names, self.ignored_classes, *map(set, how))
        self.protocol = '; '.join([protocol, *self.remarks])
        rows = [f'{name:>15} {figures.get(f"IoU.{name}", "does not occur"):>6}' for name in names]
        summary = summary_line(figures, len(names), self.protocol)
        print_log('\n'.join(['IoU per class (%)', *rows, summary]), logger='current')
        return figures


def iou_figures(matrix: np.ndarray, names: Sequence[str]) -> dict[str, float]:
    """Compute the IoU per class and the means from a confusion matrix.

    Args:
        matrix: (K, K) counts, indexed [ground truth, prediction].
        names: Names of the K classes.

    Returns:
        Percent, rounded to two decimals, by the names in :class:`UDAIoUMetric`.
    """
    true_positives = np.diag(matrix)
    occurs = matrix.sum(axis=1) > 0
    union = matrix.sum(axis=0) + matrix.sum(axis=1) - true_positives
    iou = 100 * true_positives / np.maximum(union, 1)

    def mean(left_out: Sequence[str]) -> float:
        chosen = [c for c, name in enumerate(names) if occurs[c] and name not in left_out]
        return round(float(iou[chosen].mean()), 2) if chosen else float('nan')

    left_out = dict(mIoU=(), mIoU16=NOT_IN_16, mIoU13=NOT_IN_13)
    figures = {name: mean(left_out[name]) for name in names_of_means(names)}
    figures.update(
        {f'IoU.{name}': round(float(iou[c]), 2) for c, name in enumerate(names) if occurs[c]}
    )
    return figures


def names_of_means(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the means that :class:`UDAIoUMetric` computes for these classes."""
    return ('mIoU', 'mIoU16', 'mIoU13') if set(names) in (CITYSCAPES, CITYSCAPES_16) else ('mIoU',)


def protocol_in_words(
    names: Sequence[str],
    ignored_classes: Sequence[str],
    input_sizes: set[tuple[int, ...]],
    scored_sizes: set[tuple[int, ...]],
    upsampled: set[str],
) -> str:
    """Describe the evaluation protocol in words, separated by semicolons.

    Args:
        names: Names of the K classes.
        ignored_classes: See :class:`UDAIoUMetric`.
        input_sizes: (height, width) of the network's inputs; () if unknown.
        scored_sizes: (height, width) of the labels.
        upsampled: Maps that were upsampled to the size of the labels, e.g. 'logits'.
    """
    sixteen = set(names) == CITYSCAPES_16
    not_counted = [name for name in NOT_IN_16 if sixteen or name in ignored_classes]
    not_counted += [name for name in ignored_classes if name not in NOT_IN_16]
    parts = [
        f'{len(names)} outputs',
        f'ground truth of {", ".join(not_counted)} ignored'
        if not_counted
        else 'ground truth of every class counts',
    ]
    if set(names) == CITYSCAPES:
        parts.append('mIoU16 and mIoU13: rows of the same matrix')
    if sixteen:
        parts.append('mIoU13: rows of the same matrix')
    if () not in input_sizes:
        parts.append(f'input {size_in_words(input_sizes)}')
    parts.append(f'scored at {size_in_words(scored_sizes)}')
    parts.append(f'{" or ".join(sorted(upsampled))} upsampled')
    return '; '.join(parts)


def size_in_words(sizes: set[tuple[int, ...]]) -> str:
    return 'several sizes' if len(sizes) > 1 else '{1}x{0}'.format(*next(iter(sizes)))


def summary_line(figures: dict[str, float], num_classes: int, protocol: str) -> str:
    """Format the means and the protocol in one line."""
    means = ', '.join(f'{k} {v}' for k, v in figures.items() if k.startswith('mIoU'))
    occurring = sum(name.startswith('IoU.') for name in figures)
    return f'{means} (%; {occurring} of {num_classes} classes occur; protocol: {protocol})'

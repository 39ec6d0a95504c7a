import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmseg.registry import METRICS

from mmseg_gl.errors import UserError

# Indices into the 19 classes (BDL, evaluation.py): 16 leaves out terrain, truck and train, which
# SYNTHIA does not have; 13 leaves out wall, fence and pole as well.
CLASSES_16 = (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 15, 17, 18)
CLASSES_13 = (0, 1, 2, 6, 7, 8, 10, 11, 12, 13, 15, 17, 18)

PROTOCOL = (
    '19 outputs; mean over the classes that occur in the ground truth; '
    '16 and 13: rows of the same matrix'
)


@METRICS.register_module()
class UDAIoUMetric(BaseMetric):
    """IoU of the 19 Cityscapes classes, and the 16- and 13-class means of SYNTHIA, in one pass.

    All pixels with a ground truth of 0..18 go into one 19x19 confusion matrix over all images, and
    IoU = TP / (TP + FP + FN). The 16- and 13-class figures average the chosen rows of that matrix:
    ground truth of a left-out class stays valid, so predicting something else there is an error of
    that something (AdaptSegNet's, BDL's and DAFormer's protocol; ADVENT's 16-output networks
    ignore those pixels, which gives slightly higher figures). A class that occurs in no ground
    truth has no IoU and is left out of the means; in Cityscapes' validation set all 19 occur.

    Returns of ``evaluate`` (in percent): ``mIoU``, ``mIoU16``, ``mIoU13`` and ``IoU.<class>`` for
    every class that occurs. ``save_best='mIoU'`` works.

    Args:
        ignore_index (int): Ground truth label to leave out.
        **kwargs: See mmengine's ``BaseMetric``.
    """

    default_prefix = ''  # names of figures have no prefix, so that save_best='mIoU' finds them

    def __init__(self, ignore_index=255, **kwargs):
        super().__init__(**kwargs)
        self.ignore_index = ignore_index

    def process(self, data_batch, data_samples):
        """Add one confusion matrix, (K, K) int64, [ground truth, prediction], per image."""
        num_classes = len(self.dataset_meta['classes'])
        for sample in data_samples:
            truth = sample['gt_sem_seg']['data'].squeeze().cpu().numpy().astype(np.int64)
            prediction = sample['pred_sem_seg']['data'].squeeze().cpu().numpy().astype(np.int64)
            if truth.shape != prediction.shape:
                raise UserError(
                    f'the label of {sample.get("img_path", "an image")} is {truth.shape[1]}x'
                    f'{truth.shape[0]}, but the image is {prediction.shape[1]}x'
                    f'{prediction.shape[0]}; labels must have the size of their image'
                )
            valid = truth != self.ignore_index
            pairs = num_classes * truth[valid] + prediction[valid]
            matrix = np.bincount(pairs, minlength=num_classes**2)
            self.results.append(matrix.reshape(num_classes, num_classes))

    def compute_metrics(self, results):
        """Sum the matrices; print the table; return the figures in percent, by name."""
        names = self.dataset_meta['classes']
        figures = iou_figures(sum(results), names)
        rows = [f'{name:>15} {figures.get(f"IoU.{name}", "does not occur"):>6}' for name in names]
        print_log('\n'.join(['IoU per class (%)', *rows, summary(figures)]), logger='current')
        return figures


def iou_figures(matrix, names):
    """Turn a confusion matrix into figures.

    Args:
        matrix (ndarray): (K, K) counts, [ground truth, prediction].
        names (Sequence[str]): The K class names.

    Returns:
        dict[str, float]: Percent, two decimals, see :class:`UDAIoUMetric`.
    """
    true_positives = np.diag(matrix)
    occurs = matrix.sum(axis=1) > 0
    union = matrix.sum(axis=0) + matrix.sum(axis=1) - true_positives
    iou = 100 * true_positives / np.maximum(union, 1)

    def mean(classes):
        chosen = [c for c in classes if occurs[c]]
        return round(float(iou[chosen].mean()), 2) if chosen else float('nan')

    figures = {'mIoU': mean(range(len(names)))}
    if len(names) == 19:
        figures.update(mIoU16=mean(CLASSES_16), mIoU13=mean(CLASSES_13))
    figures.update(
        {f'IoU.{name}': round(float(iou[c]), 2) for c, name in enumerate(names) if occurs[c]}
    )
    return figures


def summary(figures):
    """One line with the means, naming the protocol."""
    means = ', '.join(f'{k} {v}' for k, v in figures.items() if k.startswith('mIoU'))
    occurring = sum(name.startswith('IoU.') for name in figures)
    return f'{means} (%; {occurring} classes; protocol: {PROTOCOL})'

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import nn

from mmseg_gl.datasets.label_ids import IGNORED
from mmseg_gl.errors import UserError, check_loss_weights


@MODELS.register_module()
class PseudoLabelLoss(nn.Module):
    """Cross-entropy of the target's outputs against its pseudo labels (BDL.py, ``loss_seg_trg``).

    The mean over the pixels whose label is not 255; 0 where there is none. The labels come from
    LoadPseudoLabels in the target's pipeline.

    Args:
        loss_weights (dict[str, float]): Weight per output level (BDL: 1); its keys say which levels
            count.

    Raises:
        UserError: For wrong weights; when the samples have no labels or labels of another size.
    """

    def __init__(self, loss_weights):
        super().__init__()
        self.loss_weights = check_loss_weights(loss_weights)

    def forward(self, logits, data_samples):
        """Compute the loss.

        Args:
            logits (dict[str, Tensor]): The target's logits per level, (N, K, H, W).
            data_samples (list[SegDataSample]): With ``gt_sem_seg`` of (1, H, W): 0..K-1, and 255
                where there is no label.

        Returns:
            dict[str, Tensor]: Weighted scalars ``loss_pseudo_<level>``.
        """
        losses = {}
        for level, weight in self.loss_weights.items():
            labels = pseudo_labels(data_samples, logits[level].shape[2:])
            total = F.cross_entropy(logits[level], labels, ignore_index=IGNORED, reduction='sum')
            losses[f'loss_pseudo_{level}'] = weight * total / (labels != IGNORED).sum().clamp(min=1)
        return losses


def pseudo_labels(data_samples, size):
    """Return the labels of a batch, (N, H, W), all of the size (H, W)."""
    for sample in data_samples:
        if 'gt_sem_seg' not in sample:
            raise UserError(
                'the target images have no pseudo labels: add LoadPseudoLabels to the pipeline of '
                'train_dataloader.dataset.target'
            )
        height, width = sample.gt_sem_seg.data.shape[1:]
        if (height, width) != tuple(size):
            raise UserError(
                f'the pseudo label of {sample.get("img_path", "an image")} is {width}x{height}, '
                f'but the output is {size[1]}x{size[0]}; LoadPseudoLabels belongs after Resize in '
                "the target's pipeline"
            )
    return torch.cat([sample.gt_sem_seg.data for sample in data_samples])

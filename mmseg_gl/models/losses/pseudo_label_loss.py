import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_gl.datasets.label_ids import IGNORED
from mmseg_gl.errors import UserError, check_loss_weights
from mmseg_gl.models.outputs import Outputs


@MODELS.register_module()
class PseudoLabelLoss(nn.Module):
    """Cross-entropy of the target outputs against pseudo labels (BDL.py, ``loss_seg_trg``).

    The mean over the pixels whose label is not 255; 0 if all labels are 255. The labels come from
    LoadPseudoLabels in the target's pipeline.

    Args:
        loss_weights: Weight per output level (BDL: 1); its keys are the levels that the loss is
            computed for.

    Raises:
        UserError: For invalid weights; in training, for images without labels or with labels of
            another size.
    """

    def __init__(self, loss_weights: dict[str, float]) -> None:
        super().__init__()
        self.loss_weights = check_loss_weights(loss_weights)
        self.levels = tuple(self.loss_weights)

    def forward(self, outputs: Outputs) -> dict[str, Tensor]:
        """Return the weighted scalars ``loss_pseudo_<level>``."""
        labels = outputs.labels
        if labels is None:
            raise UserError(
                'the target images have no pseudo labels: add LoadPseudoLabels to the pipeline of '
                'train_dataloader.dataset.target'
            )
        losses = {}
        for level, weight in self.loss_weights.items():
            logits = outputs.logits[level]
            if labels.shape[1:] != logits.shape[2:]:
                sizes = ['{1}x{0}'.format(*x.shape[-2:]) for x in (labels, logits)]
                raise UserError(
                    f'the pseudo labels are {sizes[0]}, but the output is {sizes[1]}; '
                    "LoadPseudoLabels belongs after Resize in the target's pipeline"
                )
            total = F.cross_entropy(logits, labels, ignore_index=IGNORED, reduction='sum')
            losses[f'loss_pseudo_{level}'] = weight * total / (labels != IGNORED).sum().clamp(min=1)
        return losses

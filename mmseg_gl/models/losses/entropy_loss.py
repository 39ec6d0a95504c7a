from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_gl.errors import check_loss_weights
from mmseg_gl.models.outputs import Outputs
from mmseg_gl.models.representations import entropy_map


@MODELS.register_module()
class EntropyLoss(nn.Module):
    """Entropy minimisation on the target (MinEnt: ADVENT, Eq. 4; ``entropy_loss``).

    The mean over pixels of the normalised entropy -sum_c p_c log2(p_c) / log2(K), in [0, 1].

    Args:
        loss_weights: Weight per output level; its keys are the levels that the loss is
            computed for.
    """

    def __init__(self, loss_weights: dict[str, float]) -> None:
        super().__init__()
        self.loss_weights = check_loss_weights(loss_weights)
        self.levels = tuple(self.loss_weights)

    def forward(self, outputs: Outputs) -> dict[str, Tensor]:
        """Return the weighted scalars ``loss_entropy_<level>``."""
        return {
            f'loss_entropy_{level}': weight * entropy_map(outputs.logits[level]).sum(dim=1).mean()
            for level, weight in self.loss_weights.items()
        }

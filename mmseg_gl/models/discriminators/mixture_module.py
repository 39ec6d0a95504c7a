import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_gl.errors import check_choice
from mmseg_gl.models.losses.adversarial import SOURCE, TARGET

BACKGROUND = ('replace', 'ignore', 'keep')


@MODELS.register_module()
class MixtureModule(nn.Module):
    """Mixture of the source's and the target's output maps, pixel by pixel.

    The source's unlabelled pixels ("background": the ignore label) are never supervised. The paper
    takes their outputs for noise that does harm; docs/mixture.md measures it. In the mixed map they
    are

    - 'replace': the target's output at the same place, labelled target;
    - 'ignore': the source's output, marked as not valid: no loss there;
    - 'keep': the source's output, labelled source (no mixing).

    All other pixels are the source's output, labelled source.

    The paper's mixture module (ICASSP 2022) is known in part only. The paper says that it mixes the
    outputs of both domains so that noisy source background pixels do no harm; the released code
    does not contain it, but has leftovers of a loss with a per-pixel map of domain labels. 'keep'
    gives the loss of the released code. These are decisions of this library: which pixels are mixed
    ('replace'), that the discriminator sees the whole target map besides the mixed one, and how
    maps of different size are combined.

    Maps of different size: the target's logits are resized to the source's size (bilinear,
    ``align_corners=True``), but only for 'replace', which puts
    them into the source's map.

    Args:
        background: 'replace', 'ignore' or 'keep'.
        ignore_index: Label of the source's unlabelled pixels.
    """

    def __init__(self, background: str = 'replace', ignore_index: int = 255) -> None:
        super().__init__()
        check_choice('background', background, BACKGROUND)
        self.background = background
        self.ignore_index = ignore_index

    def forward(
        self, source: Tensor, target: Tensor, labels: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Mix the logits of one output level.

        Args:
            source: Logits of the source, (N, K, H, W).
            target: Logits of the target, (M, K, h, w); M = N for 'replace'.
            labels: Labels of the source, (N, H, W), integers.

        Returns:
            The mixed logits (N, K, H, W); the domain of each pixel (N, 1, H, W), 0 = source,
            1 = target; and the mask of valid pixels (N, 1, H, W), bool. If the source is all
            background, 'replace' gives a map that is all target and 'ignore' one without any valid
            pixel.
        """
        unlabelled = (labels == self.ignore_index).unsqueeze(1)
        domain = source.new_full(unlabelled.shape, SOURCE)
        valid = unlabelled.new_ones(unlabelled.shape)
        if self.background == 'keep':
            return source, domain, valid
        if self.background == 'ignore':
            return source, domain, ~unlabelled
        if target.shape[2:] != source.shape[2:]:
            target = F.interpolate(
                target, size=source.shape[2:], mode='bilinear', align_corners=True
            )
        return target.where(unlabelled, source), domain.masked_fill(unlabelled, TARGET), valid

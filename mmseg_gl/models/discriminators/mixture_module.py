import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import nn

from mmseg_gl.errors import check_choice
from mmseg_gl.models.losses.adversarial import SOURCE, TARGET

BACKGROUND = ('replace', 'ignore', 'keep')


@MODELS.register_module()
class MixtureModule(nn.Module):
    """Compose the source's and the target's output maps into one, pixel by pixel.

    The source's unlabelled pixels ("background": the ignore label) were never supervised, so that
    their outputs are noise, and aligning the target to noise does harm. In the mixed map they are

    - 'replace': the target's output at the same place, labelled target;
    - 'ignore': the source's output, marked as not valid: no loss there;
    - 'keep': the source's output, labelled source (no mixing).

    All other pixels are the source's output, labelled source.

    What is known of the paper's mixture module (ICASSP 2022) and what is decided here: the paper
    says that it mixes the outputs of both domains so that noisy source background pixels do no
    harm; the released code does not contain it, but leftovers of a loss with a truth map per pixel.
    'keep' gives the loss of the released code. Which pixels are mixed ('replace'), that the
    discriminator sees the whole target map beside the mixed one, and how sizes are brought
    together are decisions of this library.

    Maps of different size: the target's logits are resized to the source's size (bilinear,
    ``align_corners=True``, like every resizing of logits here), and only for 'replace', where they
    are put into the source's map.

    Args:
        background (str): 'replace', 'ignore' or 'keep'.
        ignore_index (int): Label of the source's unlabelled pixels.
    """

    def __init__(self, background='replace', ignore_index=255):
        super().__init__()
        check_choice('background', background, BACKGROUND)
        self.background = background
        self.ignore_index = ignore_index

    def forward(self, source, target, labels):
        """Mix one output level.

        Args:
            source (Tensor): The source's logits, (N, K, H, W).
            target (Tensor): The target's logits, (M, K, h, w); M = N for 'replace'.
            labels (Tensor): The source's labels, (N, H, W), integers.

        Returns:
            tuple[Tensor, Tensor, Tensor]: The mixed logits (N, K, H, W); the domain of each pixel
            (N, 1, H, W), 0 = source, 1 = target; and whether it is valid (N, 1, H, W), bool. With a
            source that is all background, 'replace' gives a map that is all target, 'ignore' one
            without any valid pixel.
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

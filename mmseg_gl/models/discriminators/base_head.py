from abc import abstractmethod

from mmengine.model import BaseModule
from torch import nn

from mmseg_gl.errors import check_choice, check_loss_weights
from mmseg_gl.models.losses.adversarial import GAN_LOSSES, SOURCE, TARGET, adversarial_loss
from mmseg_gl.models.representations import REPRESENTATIONS
from mmseg_gl.models.training import autocast_layout


class BaseDiscriminatorHead(BaseModule):
    """One discriminator per output level, told source (0) from target (1) maps.

    Called only through ``forward``, in one of two modes (this keeps DistributedDataParallel
    right): 'fool' gives the segmentor's adversarial loss with the discriminator frozen by the
    caller, 'discriminate' the discriminator's own loss on detached maps of both domains.

    Args:
        loss_weights (dict[str, float]): Weight of the segmentor's adversarial loss (lambda_adv)
            per output level, e.g. ``dict(decode=1e-3, auxiliary=2e-4)``. Its keys are the levels
            that are aligned. The discriminators' own losses are not weighted.
        representation (str): What the discriminator sees of the logits: 'softmax' (AdaptSegNet)
            or 'entropy' (ADVENT's weighted self-information).
        gan (str): 'bce' or 'lsgan'.

    Raises:
        UserError: For an unknown representation or gan, or weights that are not numbers >= 0.
    """

    name = None  # part of the names of this head's losses

    def __init__(self, loss_weights, representation='softmax', gan='bce'):
        super().__init__()
        check_choice('representation', representation, REPRESENTATIONS)
        check_choice('gan', gan, GAN_LOSSES)
        self.loss_weights = check_loss_weights(loss_weights)
        self.represent = REPRESENTATIONS[representation]
        self.gan = gan
        self.boundary = 0.0 if gan == 'bce' else 0.5  # scores above it mean target
        self.discriminators = nn.ModuleDict(
            {level: self.build_discriminator() for level in self.loss_weights}
        )

    @abstractmethod
    def build_discriminator(self):
        """Return a new discriminator network."""

    def forward(self, mode, **maps):
        """Compute losses; see :meth:`fool` and :meth:`discriminate` for the arguments."""
        return {'fool': self.fool, 'discriminate': self.discriminate}[mode](**maps)

    def fool(self, target):
        """Adversarial loss of the segmentor: the target's maps should look like the source's.

        Args:
            target (dict[str, Tensor]): The target's logits per level, (N, K, H, W).

        Returns:
            dict[str, Tensor]: Weighted scalars ``loss_adv_<head>_<level>``.
        """
        return {
            f'loss_adv_{self.name}_{level}': self.loss_weights[level]
            * adversarial_loss(self.score(level, target[level]), SOURCE, self.gan)
            for level in self.loss_weights
        }

    def discriminate(self, source, target, labels=None):
        """Loss of the discriminators: source is 0, target is 1, each domain counts half.

        Args:
            source (dict[str, Tensor]): The source's detached logits per level, (N, K, H, W).
            target (dict[str, Tensor]): The target's; sizes may differ from the source's.
            labels (Tensor | None): The source's labels, (N, H, W), for heads that mix.

        Returns:
            dict[str, Tensor]: Scalars ``loss_d_<head>_<level>`` and, in [0, 1], the shares of right
            decisions ``acc_d_source_<head>_<level>``, ``acc_d_target_<head>_<level>`` and their
            mean ``acc_d_<head>_<level>``.
        """
        losses = {}
        for level in self.loss_weights:
            on_source = self.score(level, source[level])
            on_target = self.score(level, target[level])
            losses[f'loss_d_{self.name}_{level}'] = 0.5 * (
                adversarial_loss(on_source, SOURCE, self.gan)
                + adversarial_loss(on_target, TARGET, self.gan)
            )
            right_source = (on_source < self.boundary).float().mean()
            right_target = (on_target >= self.boundary).float().mean()
            losses[f'acc_d_source_{self.name}_{level}'] = right_source
            losses[f'acc_d_target_{self.name}_{level}'] = right_target
            losses[f'acc_d_{self.name}_{level}'] = 0.5 * (right_source + right_target)
        return losses

    def score(self, level, logits):
        """Return the discriminator's raw scores of one level's logits."""
        return self.discriminators[level](autocast_layout(self.represent(logits)))

from __future__ import annotations

from abc import abstractmethod

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmseg_gl.errors import check_choice, check_loss_weights
from mmseg_gl.models.losses.adversarial import (
    BLIND_LOSS,
    GAN_LOSSES,
    SOURCE,
    TARGET,
    adversarial_loss,
)
from mmseg_gl.models.outputs import Outputs
from mmseg_gl.models.representations import REPRESENTATIONS
from mmseg_gl.models.step import autocast_layout, frozen


class BaseDiscriminatorHead(BaseModule):
    """One discriminator per output level, told source (0) from target (1) maps.

    A head needs :meth:`build_discriminator` alone; :meth:`maps` changes what is aligned,
    :meth:`fool` and :meth:`discriminate` change the two opponents' losses.

    Args:
        loss_weights: Weight of the segmentor's adversarial loss (lambda_adv) per output level, e.g.
            ``dict(decode=1e-3, auxiliary=2e-4)``. Its keys are the levels that are aligned. The
            discriminators' own losses are not weighted.
        representation: What the discriminator sees of the logits: 'softmax' (AdaptSegNet),
            'entropy' (ADVENT's weighted self-information) or 'none', the maps as they are.
        gan: 'bce' or 'lsgan'.

    Attributes:
        name: Part of the names of the losses; UDASegmentor sets it to the head's name in the
            config, without ``_head``.
        blind_share: The discriminator is blind when its loss is above this share of
            ``blind_loss``, the loss of one that always says "half"; for AlignmentMonitorHook.

    Raises:
        UserError: For an unknown representation or gan, or weights that are not numbers >= 0.
    """

    name = 'head'
    blind_share = 0.98

    def __init__(
        self, loss_weights: dict[str, float], representation: str = 'softmax', gan: str = 'bce'
    ):
        super().__init__()
        check_choice('representation', representation, REPRESENTATIONS)
        check_choice('gan', gan, GAN_LOSSES)
        self.loss_weights = check_loss_weights(loss_weights)
        self.represent = REPRESENTATIONS[representation]
        self.gan = gan
        self.blind_loss = BLIND_LOSS[gan]
        self.boundary = 0.0 if gan == 'bce' else 0.5  # scores above it mean target
        self.discriminators = nn.ModuleDict(
            {level: self.build_discriminator() for level in self.loss_weights}
        )

    @property
    def levels(self) -> tuple[str, ...]:
        """The output levels that the segmentor must have for this head."""
        return tuple(self.loss_weights)

    @abstractmethod
    def build_discriminator(self) -> nn.Module:
        """Return a new discriminator network, (N, K, H, W) -> raw scores."""

    def maps(self, outputs: Outputs) -> dict[str, Tensor]:
        """Return what is aligned, (N, C, H, W) by level; here the logits."""
        return outputs.logits

    def forward(self, source: Outputs, target: Outputs) -> tuple[dict, dict]:
        """Compute the losses of both opponents.

        Args:
            source: The source's outputs, detached.
            target: The target's, through which the first losses reach the segmentor.

        Returns:
            What :meth:`fool` returns for the target, without gradients for this head, and what
            :meth:`discriminate` returns for both domains, without gradients for the segmentor.
        """
        with frozen(self):
            fooled = self.fool(target)
        return fooled, self.discriminate(source, target.detach())

    def fool(self, target: Outputs) -> dict[str, Tensor]:
        """Return the segmentor's loss: the target's maps should look like the source's.

        Returns:
            Weighted scalars ``loss_adv_<head>_<level>``.
        """
        maps = self.maps(target)
        return {
            f'loss_adv_{self.name}_{level}': weight
            * adversarial_loss(self.score(level, maps[level]), SOURCE, self.gan)
            for level, weight in self.loss_weights.items()
        }

    def discriminate(self, source: Outputs, target: Outputs) -> dict[str, Tensor]:
        """Return the discriminators' loss: source is 0, target is 1, each domain counts half.

        Returns:
            Scalars ``loss_d_<head>_<level>`` and, in [0, 1], the shares of right decisions
            ``acc_d_source_<head>_<level>``, ``acc_d_target_<head>_<level>`` and their mean
            ``acc_d_<head>_<level>``.
        """
        losses = {}
        source_maps, target_maps = self.maps(source), self.maps(target)
        for level in self.loss_weights:
            on_source = self.score(level, source_maps[level])
            on_target = self.score(level, target_maps[level])
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

    def score(self, level: str, maps: Tensor) -> Tensor:
        """Return the raw scores of one level's maps, (N, C, H, W)."""
        return self.discriminators[level](autocast_layout(self.represent(maps)))

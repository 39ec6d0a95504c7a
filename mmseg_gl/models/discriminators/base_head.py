from __future__ import annotations

from abc import abstractmethod

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmseg_gl.errors import UserError, check_choice, check_loss_weights
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
    """Base class of heads with one discriminator of source (0) and target (1) per output level.

    A subclass must define :meth:`build_discriminator`. It can override :meth:`maps` to align
    something other than the logits, and :meth:`fool` and :meth:`discriminate` to change the losses
    of the segmentor and the discriminators.

    Args:
        loss_weights: Weight of the segmentor's adversarial loss (lambda_adv) per output level, e.g.
            ``dict(decode=1e-3, auxiliary=2e-4)``. Its keys are the levels that are aligned. The
            losses of the discriminators are not weighted.
        representation: Input of the discriminators: 'softmax' (AdaptSegNet) or 'entropy' (ADVENT's
            weighted self-information) of the logits, or 'none', the maps as they are.
        gan: 'bce' or 'lsgan'.

    Attributes:
        name: Part of the names of the losses; UDASegmentor sets it to the name of the head in the
            config, without ``_head``.
        blind_share: Threshold of AlignmentMonitorHook: a discriminator is blind when its loss is
            above this share of ``blind_loss``, the loss of one that always outputs 1/2.

    Raises:
        UserError: For an unknown representation or gan, or weights that are not numbers >= 0.
    """

    name = 'head'
    blind_share = 0.98

    def __init__(
        self, loss_weights: dict[str, float], representation: str = 'softmax', gan: str = 'bce'
    ) -> None:
        super().__init__()
        check_choice('representation', representation, REPRESENTATIONS)
        check_choice('gan', gan, GAN_LOSSES)
        self.loss_weights = check_loss_weights(loss_weights)
        self.represent = REPRESENTATIONS[representation]
        self.gan = gan
        self.blind_loss = BLIND_LOSS[gan]
        self.boundary = 0.0 if gan == 'bce' else 0.5  # scores from here on mean target
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
        """Return the maps to align, (N, C, H, W) by level; here the logits."""
        return outputs.logits

    def forward(
        self, source: Outputs, target: Outputs
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Compute the losses of the segmentor and the discriminators.

        Args:
            source: Outputs for the source images, detached.
            target: Outputs for the target images, with the graph of the segmentor.

        Returns:
            The losses of :meth:`fool`, without gradients for this head, and those of
            :meth:`discriminate`, without gradients for the segmentor.

        Raises:
            UserError: For target images with pixels of the source.
        """
        if target.pasted is not None:
            raise UserError(
                f'{self.name}_head compares whole images, but the view of model.aligned mixes both '
                "domains; set model.aligned='target', or use a LocalDiscriminatorHead alone"
            )
        with frozen(self):
            fooled = self.fool(target)
        return fooled, self.discriminate(source, target.detach())

    def fool(self, target: Outputs) -> dict[str, Tensor]:
        """Compute the segmentor's loss, which makes the target maps look like source maps.

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
        """Compute the loss of the discriminators: source is 0, target is 1, each counts half.

        Returns:
            Scalars ``loss_d_<head>_<level>`` and the accuracies, in [0, 1],
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
        """Return the raw scores of the maps of one level, (N, C, H, W)."""
        return self.discriminators[level](autocast_layout(self.represent(maps)))

    def source_probability(self, outputs: Outputs, size: tuple[int, int]) -> Tensor:
        """Return the probability of the source at each place, from the first level's discriminator.

        Args:
            outputs: Outputs for the images of either domain.
            size: Height and width from which on more detail is not needed.

        Returns:
            (N, h, w) in [0, 1], of any size.
        """
        level = next(iter(self.loss_weights))
        return self.probability(self.score(level, self.maps(outputs)[level]))

    def probability(self, scores: Tensor) -> Tensor:
        """Turn raw scores, (N, 1, h, w), into the probability of the source, (N, h, w)."""
        scores = scores.squeeze(1)
        return (1 - scores).clamp(0, 1) if self.gan == 'lsgan' else (-scores).sigmoid()

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_gl.errors import UserError, check_channels
from mmseg_gl.models.discriminators.base_head import BaseDiscriminatorHead
from mmseg_gl.models.losses.adversarial import SOURCE, TARGET
from mmseg_gl.models.ops.pixelwise_loss import opposed_losses, pixelwise_loss
from mmseg_gl.models.outputs import Outputs
from mmseg_gl.models.random_draws import next_generator, register_seed
from mmseg_gl.models.representations import at_least_float32
from mmseg_gl.models.step import frozen


@MODELS.register_module()
class LocalDiscriminatorHead(BaseDiscriminatorHead):
    """Pixel-wise discriminators on each pixel's K-vector (step 2: local alignment).

    Each is five 1x1 convolutions with LeakyReLU(0.2) between them and one raw score per pixel of
    the upsampled map (released code, ``get_fc_pix_discriminator_1x1``; 174 721 parameters for 19
    classes). The discriminator learns from the mixed map (see :class:`MixtureModule`) and from the
    target's map, each counting half; the segmentor's loss is on the target's map.
    Pixels of the target's map that a view has pasted from the source count nowhere.
    ``background='keep'`` and the entropy representation give the step of the released code.
    A subclass that changes :meth:`fool` or :meth:`loss_on` needs ``num_points``: without it, one
    pass over the pixels serves both losses.

    Args:
        num_classes: Number of classes K.
        loss_weights: Weight of the segmentor's loss per output level; its keys are the levels that
            are aligned. The loss is a mean over pixels, so the gradient of each pixel is small:
            weights far above those of the global head can be right.
        channels: Output channels of all convolutions but the last.
        kernel_size: Of the first convolution: 1, or 3 to let it see the neighbours of each pixel.
        representation: 'softmax', or 'entropy' (released code).
        gan: 'bce' (released code) or 'lsgan'.
        background: Treatment of the source's unlabelled pixels; see MixtureModule.
        num_points: Number of valid pixels to sample from each map, with replacement, for both
            losses: the same expected values at a fraction of the cost. At most the number of
            pixels of the maps is sampled; None uses all pixels.
            The positions depend on a buffer, initialised at random and incremented with each draw,
            and on the rank: they differ between runs and processes, and resume exactly.
        class_balanced: Sample so that every class that is predicted on a map is as likely, in both
            losses, for domains that differ in how often each class occurs (docs/photographs.md).
        ignore_index: Label of the source's unlabelled pixels.

    Raises:
        UserError: For invalid options, for ``num_points`` with ``kernel_size=3``, and for
            ``class_balanced`` without ``num_points``.
    """

    name = 'local'
    # It sees single pixels, so its loss stays close to blind_loss: averages of 0.691 to 0.693 were
    # seen on the street scenes, where the head helps.
    blind_share = 0.9998

    def __init__(
        self,
        num_classes: int,
        loss_weights: dict[str, float],
        channels: Sequence[int] = (64, 128, 256, 512),
        kernel_size: int = 1,
        representation: str = 'softmax',
        gan: str = 'bce',
        background: str = 'replace',
        num_points: int | None = None,
        class_balanced: bool = False,
        ignore_index: int = 255,
    ) -> None:
        whole = isinstance(num_points, int) and num_points >= 1
        if num_points is not None and not whole:
            raise UserError(f'num_points={num_points!r}: expected a whole number >= 1, or None')
        if num_points is not None and kernel_size != 1:
            raise UserError(
                f'num_points={num_points} with kernel_size={kernel_size}: sampled pixels have no '
                'neighbours; use kernel_size=1, or num_points=None'
            )
        if class_balanced and num_points is None:
            raise UserError(
                'class_balanced=True with num_points=None: only sampled pixels can be balanced; '
                'set num_points, e.g. to 2048'
            )
        if kernel_size not in (1, 3):
            raise UserError(f'kernel_size={kernel_size!r}: expected 1 or 3')
        self.widths = (num_classes, *check_channels(channels), 1)
        self.kernel_size = kernel_size
        super().__init__(loss_weights, representation, gan)
        self.mixture = MODELS.build(
            dict(type='MixtureModule', background=background, ignore_index=ignore_index)
        )
        self.num_points = num_points
        self.class_balanced = class_balanced
        register_seed(self, 'sampling_seed')

    def build_discriminator(self) -> nn.Module:
        layers: list[nn.Module] = []
        kernel_size = self.kernel_size
        for in_channels, out_channels in zip(self.widths, self.widths[1:]):
            layers.append(
                nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2)
            )
            layers.append(nn.LeakyReLU(0.2, inplace=True))
            kernel_size = 1
        return nn.Sequential(*layers[:-1])

    def forward(
        self, source: Outputs, target: Outputs
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """See :meth:`BaseDiscriminatorHead.forward`.

        If the discriminator sees every pixel of the target on its own, one pass over the pixels
        gives the losses of the segmentor and the discriminator.
        """
        shared = {}
        if self.kernel_size == 1 and self.num_points is None:
            shared = {level: self.opposed(level, target) for level in self.levels}
        with frozen(self):
            fooled = self.fool(target, shared)
        return fooled, self.discriminate(source, target.detach(), shared)

    def opposed(self, level: str, target: Outputs) -> tuple[Tensor, Tensor, Tensor]:
        """Return the segmentor's and the discriminator's loss on a target map, and the scores."""
        layers: Any = self.discriminators[level]
        logits = self.maps(target)[level]
        domain, valid = one_domain(logits, SOURCE, target.pasted)
        return opposed_losses(
            self.represent(logits),
            valid,
            layers,
            self.gan,
            maps_domain=domain,
            layers_domain=torch.full_like(domain, TARGET),
        )

    def loss(
        self, level: str, logits: Tensor, domain: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return one level's mean loss over the valid pixels, and the raw scores (N, 1, H, W)."""
        layers: Any = self.discriminators[level]
        maps = self.represent(logits)
        if self.kernel_size > 1:
            # the layers that see neighbours; a mean's float16 gradient would underflow
            maps, layers = at_least_float32(layers[:2](maps)), layers[2:]
        return pixelwise_loss(maps, domain, valid, layers, self.gan)

    def fool(
        self, target: Outputs, shared: dict[str, tuple[Tensor, Tensor, Tensor]] | None = None
    ) -> dict[str, Tensor]:
        """See :meth:`BaseDiscriminatorHead.fool`; the loss is a mean over (sampled) pixels."""
        losses = {}
        for level, weight in self.loss_weights.items():
            if shared and level in shared:
                loss, _, _ = shared[level]
            else:
                loss, _, _ = self.loss_on(level, target, SOURCE)
            losses[f'loss_adv_{self.name}_{level}'] = weight * loss
        return losses

    def discriminate(
        self,
        source: Outputs,
        target: Outputs,
        shared: dict[str, tuple[Tensor, Tensor, Tensor]] | None = None,
    ) -> dict[str, Tensor]:
        """Compute the loss of the discriminators on the mixed map and on the target's map.

        Returns:
            Scalars ``loss_d_<head>_<level>`` and the accuracies, in [0, 1]:
            ``acc_d_<head>_<level>`` on both maps, each counting half,
            ``acc_d_source_<head>_<level>`` on the source pixels of the mixed map and
            ``acc_d_target_<head>_<level>`` on the target's map. The loss of a mixed map without a
            valid pixel is 0.
        """
        losses = {}
        source_maps, target_maps = self.maps(source), self.maps(target)
        for level in self.loss_weights:
            logits = target_maps[level]
            mixed, domain, valid = self.mixture(source_maps[level], logits, source.labels)
            if target.pasted is not None:
                valid = valid & ~(target.pasted[:, None] & (domain == TARGET))
            if self.num_points is not None:
                mixed, domain, valid = self.sample(mixed, domain, valid)
            loss_mixed, on_mixed = self.loss(level, mixed, domain, valid)
            if shared and level in shared:
                _, loss_target, on_target = shared[level]
                _, of_target = one_domain(logits, TARGET, target.pasted)
            else:
                loss_target, on_target, of_target = self.loss_on(level, target, TARGET)
            losses[f'loss_d_{self.name}_{level}'] = 0.5 * (loss_mixed + loss_target)
            right = ((on_mixed >= self.boundary) == (domain == TARGET)).float()
            right_source = masked_mean(right, valid * (domain != TARGET))
            right_target = masked_mean((on_target >= self.boundary).float(), of_target)
            losses[f'acc_d_source_{self.name}_{level}'] = right_source
            losses[f'acc_d_target_{self.name}_{level}'] = right_target
            losses[f'acc_d_{self.name}_{level}'] = 0.5 * (masked_mean(right, valid) + right_target)
        return losses

    def loss_on(self, level: str, target: Outputs, domain: float) -> tuple[Tensor, Tensor, Tensor]:
        """Return the mean loss of (sampled) target pixels, their scores and which are valid."""
        logits = self.maps(target)[level]
        domains, valid = one_domain(logits, domain, target.pasted)
        if self.num_points is not None:
            logits, domains, valid = self.sample(logits, domains, valid)
        loss, scores = self.loss(level, logits, domains, valid)
        return loss, scores, valid

    def source_probability(self, outputs: Outputs, size: tuple[int, int]) -> Tensor:
        """See :class:`BaseDiscriminatorHead`; computed for as many pixels as ``size`` has."""
        level = next(iter(self.loss_weights))
        maps = self.maps(outputs)[level]
        layers: Any = self.discriminators[level]
        if self.kernel_size > 1:
            maps, layers = layers[:2](self.represent(maps)), layers[2:]
        maps = F.interpolate(maps, size=size, mode='nearest-exact')
        return self.probability(layers(self.represent(maps) if self.kernel_size == 1 else maps))

    def sample(
        self, logits: Tensor, domain: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Draw ``num_points`` valid pixels of a map, with replacement.

        Args:
            logits: (N, K, H, W).
            domain, valid: Domain labels and mask of valid pixels, (N, 1, H, W).

        Returns:
            The same of the points: (1, K, P, 1), (1, 1, P, 1) and (1, 1, P, 1). Without any valid
            pixel, the points are drawn from all pixels and marked as not valid.
        """
        chosen = self.positions(logits, valid)
        area = logits.shape[2] * logits.shape[3]
        image, place = chosen // area, chosen % area

        def points(maps: Tensor) -> Tensor:
            return maps.flatten(2)[image, :, place].t()[None, :, :, None]

        return points(logits), points(domain), points(valid)

    def positions(self, logits: Tensor, valid: Tensor) -> Tensor:
        """Draw ``num_points`` pixels, with replacement.

        Every valid one is as likely, or with ``class_balanced`` every class predicted there.

        Args:
            logits: (N, K, H, W).
            valid: Mask of the pixels to draw from, (N, 1, H, W); all of them if none is valid.

        Returns:
            Indices of the flattened mask, (P,).
        """
        generator = next_generator(self.sampling_seed)
        pixels = valid.numel()
        num_points = min(self.num_points or pixels, pixels)
        if self.class_balanced:
            classes = logits.argmax(dim=1).flatten()
            allowed = valid.flatten() | ~valid.any()
            weights = allowed / classes[allowed].bincount(minlength=logits.shape[1])[classes]
            # 0 / 0: a class without a valid pixel. The sum over a large map needs float64.
            weights = weights.nan_to_num().cpu().double()
            chosen = weights.multinomial(num_points, replacement=True, generator=generator)
            return chosen.to(logits.device)
        if valid.any() and not valid.all():
            candidates = valid.flatten().nonzero().squeeze(1)
            chosen = torch.randint(len(candidates), (num_points,), generator=generator)
            return candidates[chosen.to(candidates.device)]
        return torch.randint(pixels, (num_points,), generator=generator).to(logits.device)


def one_domain(
    logits: Tensor, domain: float, pasted: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return the domain of every pixel, the same for all, and the mask of valid ones, (N, 1, H, W).

    Args:
        logits: (N, K, H, W).
        domain: The domain.
        pasted: Pixels that are not valid, (N, H, W); None means all are.
    """
    domains = logits.new_full((len(logits), 1, *logits.shape[2:]), domain)
    valid = torch.ones_like(domains, dtype=torch.bool) if pasted is None else ~pasted[:, None]
    return domains, valid


def masked_mean(values: Tensor, valid: Tensor) -> Tensor:
    """Return the mean over the valid pixels; 0 without a valid pixel."""
    return (values * valid).sum() / valid.sum().clamp(min=1)

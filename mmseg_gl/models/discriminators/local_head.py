import torch
from mmseg.registry import MODELS
from torch import nn

from mmseg_gl.errors import UserError, check_channels
from mmseg_gl.models.discriminators.base_head import BaseDiscriminatorHead
from mmseg_gl.models.losses.adversarial import SOURCE, TARGET
from mmseg_gl.models.ops.pixelwise_loss import opposed_losses, pixelwise_loss
from mmseg_gl.models.random_draws import next_generator, register_seed
from mmseg_gl.models.step import frozen


@MODELS.register_module()
class LocalDiscriminatorHead(BaseDiscriminatorHead):
    """Pixel-wise discriminators on each pixel's K-vector (step 2: local alignment).

    Each is five 1x1 convolutions with LeakyReLU(0.2) between them and one raw score per pixel of
    the upsampled map (released code, ``get_fc_pix_discriminator_1x1``; 174 721 parameters for 19
    classes). The discriminator learns from the mixed map (see :class:`MixtureModule`) and from the
    target's map, each counting half; the segmentor's loss is on all pixels of the target's map.
    With ``background='keep'`` and the entropy representation that is the released code's step.

    Args:
        num_classes (int): Number of classes K.
        loss_weights (dict[str, float]): Weight of the segmentor's loss per output level; its keys
            say which levels are aligned. The loss is a mean over pixels, so that each pixel's
            gradient is small: weights far above the global head's can be right.
        channels (tuple[int]): Output channels of all but the last convolution.
        kernel_size (int): Of the first convolution: 1, or 3 to let it see each pixel's neighbours.
        representation (str): 'softmax', or 'entropy' (released code).
        gan (str): 'bce' (released code) or 'lsgan'.
        background (str): What becomes of the source's unlabelled pixels; see MixtureModule.
        num_points (int | None): Sample so many valid pixels, with replacement, from each map before
            the discriminator: the same expected loss at a fraction of the cost; never more than
            the map has. None: all pixels.
            The places follow from a buffer, drawn at random once and counted up from then on, and
            from the rank: they differ between runs and processes, and resume.
        ignore_index (int): Label of the source's unlabelled pixels.

    Raises:
        UserError: For unknown options, and for ``num_points`` with ``kernel_size=3``.
    """

    name = 'local'
    # It sees little and stays close: on the street scenes, where it helps, averages of 0.691 to
    # 0.693 were seen.
    blind_share = 0.9998

    def __init__(
        self,
        num_classes,
        loss_weights,
        channels=(64, 128, 256, 512),
        kernel_size=1,
        representation='softmax',
        gan='bce',
        background='replace',
        num_points=None,
        ignore_index=255,
    ):
        whole = isinstance(num_points, int) and num_points >= 1
        if num_points is not None and not whole:
            raise UserError(f'num_points={num_points!r}: expected a whole number >= 1, or None')
        if num_points is not None and kernel_size != 1:
            raise UserError(
                f'num_points={num_points} with kernel_size={kernel_size}: sampled pixels have no '
                'neighbours; use kernel_size=1, or num_points=None'
            )
        self.widths = (num_classes, *check_channels(channels), 1)
        self.kernel_size = kernel_size
        super().__init__(loss_weights, representation, gan)
        self.mixture = MODELS.build(
            dict(type='MixtureModule', background=background, ignore_index=ignore_index)
        )
        self.num_points = num_points
        register_seed(self, 'sampling_seed')

    def build_discriminator(self):
        layers, kernel_size = [], self.kernel_size
        for in_channels, out_channels in zip(self.widths, self.widths[1:]):
            layers.append(
                nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2)
            )
            layers.append(nn.LeakyReLU(0.2, inplace=True))
            kernel_size = 1
        return nn.Sequential(*layers[:-1])

    def forward(self, source, target):
        """See :meth:`BaseDiscriminatorHead.forward`.

        Where the discriminator sees every pixel of the target by itself, one pass over the pixels
        serves both opponents.
        """
        shared = {}
        if self.kernel_size == 1 and self.num_points is None:
            shared = {level: self.opposed(level, target.logits[level]) for level in self.levels}
        with frozen(self):
            fooled = self.fool(target, shared)
        return fooled, self.discriminate(source, target.detach(), shared)

    def opposed(self, level, logits):
        """Return both opponents' losses on a target map, and the raw scores."""
        domain, valid = whole_domain(logits, SOURCE)
        return opposed_losses(
            self.represent(logits),
            valid,
            self.discriminators[level],
            self.gan,
            maps_domain=domain,
            layers_domain=torch.full_like(domain, TARGET),
        )

    def loss(self, level, logits, domain, valid):
        """Return one level's mean loss over the valid pixels, and the raw scores (N, 1, H, W)."""
        maps, layers = self.represent(logits), self.discriminators[level]
        if self.kernel_size > 1:
            maps, layers = layers[:2](maps), layers[2:]  # the layers that see neighbours
        return pixelwise_loss(maps, domain, valid, layers, self.gan)

    def fool(self, target, shared=()):
        """See :meth:`BaseDiscriminatorHead.fool`; the mean is over (sampled) pixels."""
        losses = {}
        for level, weight in self.loss_weights.items():
            if level in shared:
                loss, _, _ = shared[level]
            else:
                loss, _ = self.loss_on(level, target.logits[level], SOURCE)
            losses[f'loss_adv_{self.name}_{level}'] = weight * loss
        return losses

    def discriminate(self, source, target, shared=()):
        """Loss of the discriminators on the mixed map and on the target's map.

        Returns:
            dict[str, Tensor]: Scalars ``loss_d_<head>_<level>`` and, in [0, 1], the shares of right
            decisions: ``acc_d_<head>_<level>`` over both maps, each counting half,
            ``acc_d_source_<head>_<level>`` over the mixed map's source pixels and
            ``acc_d_target_<head>_<level>`` over the target's map. A mixed map without a valid pixel
            counts as loss 0.
        """
        losses = {}
        for level in self.loss_weights:
            logits = target.logits[level]
            mixed, domain, valid = self.mixture(source.logits[level], logits, source.labels)
            if self.num_points is not None:
                mixed, domain, valid = self.sample(mixed, domain, valid)
            loss_mixed, on_mixed = self.loss(level, mixed, domain, valid)
            if level in shared:
                _, loss_target, on_target = shared[level]
            else:
                loss_target, on_target = self.loss_on(level, logits, TARGET)
            losses[f'loss_d_{self.name}_{level}'] = 0.5 * (loss_mixed + loss_target)
            right = ((on_mixed >= self.boundary) == (domain == TARGET)).float()
            right_source = masked_mean(right, valid * (domain != TARGET))
            right_target = (on_target >= self.boundary).float().mean()
            losses[f'acc_d_source_{self.name}_{level}'] = right_source
            losses[f'acc_d_target_{self.name}_{level}'] = right_target
            losses[f'acc_d_{self.name}_{level}'] = 0.5 * (masked_mean(right, valid) + right_target)
        return losses

    def loss_on(self, level, logits, domain):
        """Return the mean loss of (sampled) pixels that should be one domain, and the scores."""
        if self.num_points is not None:
            logits = self.sample(logits)
        return self.loss(level, logits, *whole_domain(logits, domain))

    def sample(self, logits, domain=None, valid=None):
        """Draw ``num_points`` valid pixels of a map, with replacement.

        Args:
            logits (Tensor): (N, K, H, W).
            domain, valid (Tensor | None): (N, 1, H, W); for the mixed map.

        Returns:
            Tensor | tuple[Tensor, Tensor, Tensor]: Logits (1, K, P, 1), and domain and validity
            (1, 1, P, 1) if given. Without any valid pixel the points are drawn anywhere and
            marked as not valid.
        """
        generator = next_generator(self.sampling_seed)
        pixels = logits.shape[0] * logits.shape[2] * logits.shape[3]
        num_points = min(self.num_points, pixels)
        if valid is not None and valid.any() and not valid.all():
            candidates = valid.flatten().nonzero().squeeze(1)
            chosen = torch.randint(len(candidates), (num_points,), generator=generator)
            chosen = candidates[chosen.to(candidates.device)]
        else:
            chosen = torch.randint(pixels, (num_points,), generator=generator)
            chosen = chosen.to(logits.device)
        area = logits.shape[2] * logits.shape[3]
        image, place = chosen // area, chosen % area
        points = [
            tensor.flatten(2)[image, :, place].t()[None, :, :, None]
            for tensor in (logits, domain, valid)
            if tensor is not None
        ]
        return points[0] if domain is None else tuple(points)


def whole_domain(logits, domain):
    """Return one domain for every pixel, and that all are valid, (N, 1, H, W) each."""
    domain = logits.new_full((len(logits), 1, *logits.shape[2:]), domain)
    return domain, torch.ones_like(domain, dtype=torch.bool)


def masked_mean(values, valid):
    """Mean over the valid pixels; 0 if there is none."""
    return (values * valid).sum() / valid.sum().clamp(min=1)

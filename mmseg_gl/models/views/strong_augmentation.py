from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_gl.errors import UserError, check_range
from mmseg_gl.models.image_batch import ImageBatch
from mmseg_gl.models.random_draws import next_generator, register_seed

EPS = 1e-6  # added to the value when it divides the saturation (kornia 0.5.8)
SIGMA = (0.15, 1.15)  # of the blur, in pixels (DACS)
KERNEL_SHARE = 0.1  # side of the blur's kernel as a share of the image's (DACS)


@dataclass
class Draws:
    """The random decisions of one augmentation.

    Attributes:
        factors: Brightness, contrast, saturation and hue of each image, (N, 4); None: no jitter.
        orders: Order in which the four are changed, a permutation of 0 to 3 for each image.
        sigmas: Standard deviation of the blur for each image, in pixels; None: no blur.
    """

    factors: Tensor | None
    orders: list[list[int]]
    sigmas: list[float] | None


@MODELS.register_module()
class StrongAugmentation(nn.Module):
    """Colour jitter and Gaussian blur of a view's images (DACS, DAFormer, MIC).

    One draw decides for the whole batch whether it is jittered, another one whether it is blurred.
    The jitter is that of kornia 0.5.8: brightness is added, contrast multiplied without a mean,
    saturation and hue are changed in HSV, the hue by up to ``strength`` of a full turn.

    Args:
        strength: Range of the factors, 1 - strength to 1 + strength (hue: +- strength; DAFormer,
            MIC: 0.2; DACS: 0.25).
        jitter_probability: Probability of jitter. The official options say 0.2, but they jitter
            when a uniform number is larger than 0.2.
        blur_probability: Probability of blur (0.5).
        per_image: Draw order and sigma for each image (ClassMix of the official implementations);
            False: once for the batch (their masked images). The factors are drawn per image.

    Raises:
        UserError: For a value out of range.
    """

    seed: Tensor

    def __init__(
        self,
        strength: float = 0.2,
        jitter_probability: float = 0.8,
        blur_probability: float = 0.5,
        per_image: bool = True,
    ) -> None:
        super().__init__()
        check_range('StrongAugmentation: strength', strength, 0)
        check_range('StrongAugmentation: jitter_probability', jitter_probability, 0, 1)
        check_range('StrongAugmentation: blur_probability', blur_probability, 0, 1)
        self.strength = strength
        self.jitter_probability = jitter_probability
        self.blur_probability = blur_probability
        self.per_image = per_image
        register_seed(self)

    def forward(self, batch: ImageBatch) -> Tensor:
        """Return the augmented images, (N, 3, H, W).

        Raises:
            UserError: When the images are not normalised, so that their colours are not known.
        """
        images = batch.images
        draws = self.draw(len(images))
        if draws.factors is not None:
            if batch.normalization is None:
                raise UserError(
                    'StrongAugmentation needs images with known colours: give '
                    'model.data_preprocessor a mean and a std'
                )
            colours = batch.normalization.to_rgb(images)
            changed = map(jitter, colours, draws.factors.tolist(), draws.orders)
            images = batch.normalization.from_rgb(torch.stack(list(changed)))
        if draws.sigmas is not None:
            images = torch.stack(list(map(blur, images, draws.sigmas)))
        return images

    def draw(self, number: int) -> Draws:
        """Draw the random decisions for a number of images."""
        generator = next_generator(self.seed)
        jitters, blurs = torch.rand(2, generator=generator).tolist()
        spread = torch.rand(number, 4, generator=generator) * 2 - 1
        factors = self.strength * spread + torch.tensor([1.0, 1.0, 1.0, 0.0])
        orders = [torch.randperm(4, generator=generator).tolist() for _ in range(number)]
        low, high = SIGMA
        sigmas = (torch.rand(number, generator=generator) * (high - low) + low).tolist()
        if not self.per_image:
            orders, sigmas = orders[:1] * number, sigmas[:1] * number
        return Draws(
            factors=factors if jitters < self.jitter_probability else None,
            orders=orders,
            sigmas=sigmas if blurs < self.blur_probability else None,
        )


def jitter(image: Tensor, factors: list[float], order: list[int]) -> Tensor:
    """Change brightness, contrast, saturation and hue of an RGB image, (3, H, W) in [0, 1].

    Args:
        image: The image.
        factors: Of the four changes: 1, 1, 1 and 0 change nothing.
        order: Order of the four changes.
    """
    from kornia.color import hsv_to_rgb, rgb_to_hsv  # here, as it takes a second to import

    brightness, contrast, saturation, hue = factors
    for change in order:
        if change == 0:
            image = (image + (brightness - 1)).clamp(0, 1)
        elif change == 1:
            image = (image * contrast).clamp(0, 1)
        else:
            h, s, v = rgb_to_hsv(image, eps=EPS)
            if change == 2:
                s = (s * saturation).clamp(0, 1)
            else:
                h = (h + 2 * math.pi * hue).fmod(2 * math.pi)
            image = hsv_to_rgb(torch.stack([h, s, v]))
    return image


def blur(image: Tensor, sigma: float) -> Tensor:
    """Blur an image, (3, H, W), with a Gaussian of standard deviation sigma in pixels."""
    from kornia.filters import gaussian_blur2d

    height, width = image.shape[1:]
    size = (kernel_size(height), kernel_size(width))
    with torch.autocast(image.device.type, enabled=False):
        return gaussian_blur2d(image[None], size, (sigma, sigma))[0]


def kernel_size(side: int) -> int:
    """Return the odd one of ceil(0.1 * side) and the number below it, at least 1."""
    size = math.ceil(KERNEL_SHARE * side)
    return size if size % 2 else max(size - 1, 1)

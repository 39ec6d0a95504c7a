from collections.abc import Sequence

from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_gl.errors import UserError, check_channels
from mmseg_gl.models.discriminators.base_head import BaseDiscriminatorHead


@MODELS.register_module()
class GlobalDiscriminatorHead(BaseDiscriminatorHead):
    """Fully convolutional discriminators on whole output maps (step 1: global alignment).

    Each is five 4x4 convolutions of stride 2 with LeakyReLU(0.2) between them and one raw score per
    position, at 1/32 of the map's size (1280x720 -> 40x22): AdaptSegNet ``model/discriminator.py``,
    ADVENT ``get_fc_discriminator``; 2 781 121 parameters for 19 classes.

    Args:
        num_classes: Number of classes K.
        loss_weights: lambda_adv per output level; its keys are the levels that are aligned.
        channels: Output channels of all convolutions but the last.
        representation: 'softmax' (AdaptSegNet), 'entropy' (ADVENT) or 'none' (raw logits).
        gan: 'bce', or 'lsgan' (AdaptSegNet's LS-GAN variant).

    Raises:
        UserError: For invalid options; in training, for maps that are too small.
    """

    name = 'global'

    def __init__(
        self,
        num_classes: int,
        loss_weights: dict[str, float],
        channels: Sequence[int] = (64, 128, 256, 512),
        representation: str = 'softmax',
        gan: str = 'bce',
    ) -> None:
        self.widths = (num_classes, *check_channels(channels), 1)
        super().__init__(loss_weights, representation, gan)

    def build_discriminator(self) -> nn.Module:
        layers: list[nn.Module] = []
        for in_channels, out_channels in zip(self.widths, self.widths[1:]):
            layers.append(nn.Conv2d(in_channels, out_channels, 4, stride=2, padding=1))
            layers.append(nn.LeakyReLU(0.2, inplace=True))
        return nn.Sequential(*layers[:-1])

    def score(self, level: str, logits: Tensor) -> Tensor:
        """Return the raw scores (N, 1, H / 32, W / 32) of the logits (N, K, H, W) of one level."""
        least = 2 ** (len(self.widths) - 1)
        height, width = logits.shape[2:]
        if min(height, width) < least:
            raise UserError(
                f'the global head halves its maps {len(self.widths) - 1} times and needs at least '
                f'{least}x{least} pixels, but the images are {width}x{height}: use larger ones '
                '(Resize in the pipelines), or fewer channels in the head'
            )
        return super().score(level, logits)

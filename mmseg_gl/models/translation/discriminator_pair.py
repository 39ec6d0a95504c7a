from mmengine.model import ModuleDict
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_gl.models.losses.adversarial import adversarial_loss

REAL, FAKE = 1.0, 0.0


class DiscriminatorPair(ModuleDict):
    """Discriminators of ``source`` and of ``target`` images, with the least-squares GAN loss.

    There are two modes: 'fool' gives the adversarial losses of the generators, for which the caller
    freezes the discriminators, and 'discriminate' the losses of the discriminators on detached
    images.

    Args:
        discriminator: Config of each of the two networks.
    """

    def __init__(self, discriminator: dict) -> None:
        super().__init__({name: MODELS.build(discriminator) for name in ('source', 'target')})

    def forward(
        self, mode: str, fake: dict[str, Tensor], real: dict[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Compute the losses of one mode.

        Args:
            mode: 'fool' or 'discriminate'.
            fake: Translated images, (N, 3, H, W), by the domain that they imitate.
            real: Real images by domain, for 'discriminate'.

        Returns:
            Scalars by domain. 'fool': mean (D(fake) - 1)^2; 'discriminate': half of
            mean (D(real) - 1)^2 + mean D(fake)^2.
        """
        if mode == 'fool':
            return {name: self.loss(name, fake[name], REAL) for name in self}
        assert real is not None
        return {
            name: 0.5 * (self.loss(name, real[name], REAL) + self.loss(name, fake[name], FAKE))
            for name in self
        }

    def loss(self, name: str, images: Tensor, label: float) -> Tensor:
        return adversarial_loss(self[name](images), label, 'lsgan')

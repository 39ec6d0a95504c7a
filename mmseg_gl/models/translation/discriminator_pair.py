from mmengine.model import ModuleDict
from mmseg.registry import MODELS

from mmseg_gl.models.losses.adversarial import adversarial_loss

REAL, FAKE = 1.0, 0.0


class DiscriminatorPair(ModuleDict):
    """The discriminators of ``source`` and of ``target`` images, least-squares GAN.

    It has two modes: 'fool' gives the generators' adversarial losses with the discriminators frozen
    by the caller, 'discriminate' the discriminators' own losses on detached images.

    Args:
        discriminator (dict): Config of one of the two (equal) networks.
    """

    def __init__(self, discriminator):
        super().__init__({name: MODELS.build(discriminator) for name in ('source', 'target')})

    def forward(self, mode, fake, real=None):
        """Compute losses.

        Args:
            mode (str): 'fool' or 'discriminate'.
            fake (dict[str, Tensor]): Translated images by the domain that they are to look like,
                (N, 3, H, W).
            real (dict[str, Tensor] | None): Real images by domain, for 'discriminate'.

        Returns:
            dict[str, Tensor]: Scalars by domain. 'fool': mean (D(fake) - 1)^2; 'discriminate': half
            of mean (D(real) - 1)^2 + mean D(fake)^2.
        """
        if mode == 'fool':
            return {name: self.loss(name, fake[name], REAL) for name in self}
        return {
            name: 0.5 * (self.loss(name, real[name], REAL) + self.loss(name, fake[name], FAKE))
            for name in self
        }

    def loss(self, name, images, label):
        return adversarial_loss(self[name](images), label, 'lsgan')

from typing import Any

import torch
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapperDict
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from mmseg_gl.errors import UserError, check_choice, check_loss_weights
from mmseg_gl.models.representations import at_least_float32
from mmseg_gl.models.step import are_finite, backward, frozen, update
from mmseg_gl.models.translation.discriminator_pair import DiscriminatorPair
from mmseg_gl.models.translation.generator_pair import GeneratorPair
from mmseg_gl.models.translation.image_pool import ImagePool
from mmseg_gl.models.translation.semantic_consistency import SemanticConsistency

DOMAINS = ('source', 'target')


@MODELS.register_module()
class CycleGAN(BaseModel):
    """Unpaired image translation between the domains, the first half of BDL (Li et al., CVPR 2019).

    ::

        source, target -> generators -> fake, cycled and same images of both domains
                       -> GAN + cycle + identity + semantic losses    -> backward
        real images, fake images of the pools -> discriminators' losses     -> backward
                                      the optimizers step, unless a loss is not finite

    Without a ``segmentor`` it is the plain CycleGAN (Zhu et al., ICCV 2017), for the first
    translation. With one, its outputs for the translated and the cycled images must also agree with
    those for the real image (:class:`SemanticConsistency`). The training data are images of a
    ``UDADataset``.

    Args:
        generator: Config of each generator, e.g. :class:`ResNetGenerator`.
        discriminator: Config of each discriminator, e.g. :class:`PatchDiscriminator`.
        segmentor: Config of the frozen segmentor of the semantic losses.
        segmentor_checkpoint: File with its weights, which a resumed run reads again.
        loss_weights: Replaces weights of the papers, :attr:`LOSS_WEIGHTS`, by name; they hold for
            each domain. A loss of weight 0 is not computed.
        pool_size: Number of images in the :class:`ImagePool` of each discriminator.
        data_preprocessor: Config; applied to each domain, must give RGB in [-1, 1].

    Raises:
        UserError: For unknown or negative loss weights; in training, when data are missing or a
            loss is not finite.
    """

    # BDL cyclegan/readme.md and cycle_gan_model.py. identity: lambda_identity .5 times 10; semantic
    # compares the translated image, semantic_reconstruction the cycled one, with the real one.
    LOSS_WEIGHTS = dict(
        gan=1.0, cycle=10.0, identity=5.0, semantic=0.1, semantic_reconstruction=10.0
    )
    skip_nonfinite, stepped = False, True  # see UDASegmentor

    def __init__(
        self,
        generator: dict,
        discriminator: dict,
        segmentor: dict | None = None,
        segmentor_checkpoint: str | None = None,
        loss_weights: dict[str, float] | None = None,
        pool_size: int = 50,
        data_preprocessor: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor)
        for name in check_loss_weights(loss_weights or {}):
            check_choice('the name in loss_weights', name, self.LOSS_WEIGHTS)
        self.loss_weights = {**self.LOSS_WEIGHTS, **(loss_weights or {})}
        self.generators = GeneratorPair(generator)
        self.discriminators = DiscriminatorPair(discriminator)
        self.pools = nn.ModuleDict({domain: ImagePool(pool_size) for domain in DOMAINS})
        self.semantics = SemanticConsistency(segmentor, segmentor_checkpoint) if segmentor else None

    def train_step(self, data: dict, optim_wrapper: OptimWrapperDict) -> dict[str, Tensor]:
        """Run one iteration: update the generators and the discriminators.

        Args:
            data: ``source`` and ``target``: batches of ``inputs`` of one size.
            optim_wrapper: Optimizers ``generators`` and ``discriminators``.

        Returns:
            Detached scalars to log.
        """
        real = {domain: self.preprocess(data, domain) for domain in DOMAINS}
        weights = self.loss_weights

        optimizer = optim_wrapper['generators']
        with frozen(self.discriminators), optimizer.optim_context(self.generators):
            images = self.generators(**real, identity=weights['identity'] > 0)
            images = {name: at_least_float32(image) for name, image in images.items()}
            fake = {domain: images[f'fake_{domain}'] for domain in DOMAINS}
            losses = {}
            for domain, loss in self.discriminators('fool', fake).items():
                losses[f'loss_gan_{domain}'] = weights['gan'] * loss
            for domain in DOMAINS:
                cycled = l1_loss(images[f'cycled_{domain}'], real[domain])
                losses[f'loss_cycle_{domain}'] = weights['cycle'] * cycled
                if weights['identity']:
                    same = l1_loss(images[f'same_{domain}'], real[domain])
                    losses[f'loss_identity_{domain}'] = weights['identity'] * same
            losses.update(self.semantic_losses(real, images))
        logs = backward(losses, optimizer, 'translation')

        if are_finite(logs):  # otherwise the pools would keep broken images
            optimizer = optim_wrapper['discriminators']
            fake = {domain: self.pools[domain](fake[domain].detach()) for domain in DOMAINS}
            with optimizer.optim_context(self.discriminators):
                losses = self.discriminators('discriminate', fake, real)
            losses = {f'loss_d_{domain}': loss for domain, loss in losses.items()}
            logs.update(backward(losses, optimizer, 'the discriminators'))
        optimizers = [optim_wrapper[name] for name in ('generators', 'discriminators')]
        self.stepped = update(optimizers, logs, self.skip_nonfinite)
        return logs

    def semantic_losses(
        self, real: dict[str, Tensor], images: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """Return the weighted semantic losses, named after the domain of the real image."""
        losses: dict[str, Tensor] = {}
        if self.semantics is None:
            return losses
        for domain, other in (DOMAINS, DOMAINS[::-1]):
            with torch.no_grad():
                features = self.semantics.features(real[domain])
            for name, of in (
                ('semantic', f'fake_{other}'),
                ('semantic_reconstruction', f'cycled_{domain}'),
            ):
                if weight := self.loss_weights[name]:
                    loss = self.semantics(images[of], features)
                    losses[f'loss_{name}_{domain}'] = weight * loss
        return losses

    def preprocess(self, data: dict, domain: str) -> Tensor:
        if domain not in data:
            raise UserError(
                f'the training data has no "{domain}" images, but translation needs them: give '
                f'train_dataloader.dataset a {domain} data set'
            )
        return self.data_preprocessor(data[domain], True)['inputs']

    def forward(self, inputs: Tensor, data_samples: Any = None, mode: str = 'tensor') -> Tensor:
        """Translate source images, (N, 3, H, W), RGB in [-1, 1], to the target domain."""
        return self.generators['source_to_target'](inputs)

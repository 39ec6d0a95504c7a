from mmengine.model import ModuleDict
from mmseg.registry import MODELS
from torch import Tensor


class GeneratorPair(ModuleDict):
    """Generators ``source_to_target`` and ``target_to_source`` with one ``forward``.

    One call makes all images of a training step.

    Args:
        generator: Config of each of the two networks.
    """

    def __init__(self, generator: dict) -> None:
        super().__init__(
            dict(
                source_to_target=MODELS.build(generator),
                target_to_source=MODELS.build(generator),
            )
        )

    def forward(self, source: Tensor, target: Tensor, identity: bool = True) -> dict[str, Tensor]:
        """Translate both domains there and back.

        Args:
            source, target: Images, (N, 3, H, W), RGB in [-1, 1].
            identity: Pass images of its own output domain through each generator too.

        Returns:
            Images by name, which ends with the domain that they imitate: ``fake_target`` is the
            translated source, ``cycled_source`` its translation back, and ``same_target`` the
            target after the generator of target images.
        """
        to_target, to_source = self['source_to_target'], self['target_to_source']
        images = dict(fake_target=to_target(source), fake_source=to_source(target))
        images['cycled_source'] = to_source(images['fake_target'])
        images['cycled_target'] = to_target(images['fake_source'])
        if identity:
            images.update(same_target=to_target(target), same_source=to_source(source))
        return images

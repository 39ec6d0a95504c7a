from mmengine.model import ModuleDict
from mmseg.registry import MODELS


class GeneratorPair(ModuleDict):
    """The generators ``source_to_target`` and ``target_to_source``, in one ``forward``.

    One call makes every image of a training step.

    Args:
        generator (dict): Config of one of the two (equal) networks.
    """

    def __init__(self, generator):
        super().__init__(
            dict(
                source_to_target=MODELS.build(generator),
                target_to_source=MODELS.build(generator),
            )
        )

    def forward(self, source, target, identity=True):
        """Translate both domains there and back.

        Args:
            source, target (Tensor): Images, (N, 3, H, W), RGB in [-1, 1].
            identity (bool): Whether to give each generator images of its own output domain too.

        Returns:
            dict[str, Tensor]: Images by name, each named after the domain that it is to look like:
            ``fake_target`` is the translated source, ``cycled_source`` its way back, and
            ``same_target`` the target through the generator that makes target images.
        """
        to_target, to_source = self['source_to_target'], self['target_to_source']
        images = dict(fake_target=to_target(source), fake_source=to_source(target))
        images['cycled_source'] = to_source(images['fake_target'])
        images['cycled_target'] = to_target(images['fake_source'])
        if identity:
            images.update(same_target=to_target(target), same_source=to_source(source))
        return images

from __future__ import annotations

from dataclasses import dataclass, field, replace

from torch import Tensor

from mmseg_gl.models.image_batch import ImageBatch


@dataclass(eq=False)
class Outputs(ImageBatch):
    """Input and outputs of one forward pass of the segmentor, as heads and losses get them.

    Attributes:
        logits: Logits by output level, (N, K, H, W) each, at the size of the images and in at
            least float32. Levels: 'decode' and 'auxiliary' (if several, 'auxiliary_0', ...).
        features: Feature maps of the backbone (or neck), in order.
    """

    logits: dict[str, Tensor] = field(default_factory=dict)
    features: tuple[Tensor, ...] = ()

    def detach(self) -> Outputs:
        """Return a copy that is detached from the graph."""
        return replace(
            self,
            logits={level: logits.detach() for level, logits in self.logits.items()},
            features=tuple(feature.detach() for feature in self.features),
        )

from __future__ import annotations

from dataclasses import dataclass, field, replace

from torch import Tensor

from mmseg_gl.models.image_batch import ImageBatch


@dataclass(eq=False)
class Outputs(ImageBatch):
    """What one forward pass of the segmentor gave, and what it was given: all that a part sees.

    Attributes:
        logits: Logits by output level, (N, K, H, W) each, at the size of the images and in at
            least float32: 'decode', and 'auxiliary' (several: 'auxiliary_0', ...).
        features: The backbone's (neck's) feature maps, in order.
    """

    logits: dict[str, Tensor] = field(default_factory=dict)
    features: tuple[Tensor, ...] = ()

    def detach(self) -> Outputs:
        """Return the same without gradients."""
        return replace(
            self,
            logits={level: logits.detach() for level, logits in self.logits.items()},
            features=tuple(feature.detach() for feature in self.features),
        )

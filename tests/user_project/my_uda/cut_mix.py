import torch
from mmseg.registry import MODELS
from torch import nn

from mmseg_gl.models import ImageBatch


@MODELS.register_module()
class CutMix(nn.Module):
    """Pastes a rectangle of a source image into a target image, which the teacher has labelled."""

    def __init__(self, share=0.5, threshold=0.9):
        super().__init__()
        self.share, self.threshold = share, threshold

    def forward(self, batches, teacher):
        source, target = batches['source'], batches['target']
        labels, confidence = teacher(target)
        pasted = self.rectangle(target.images)
        return ImageBatch(
            images=torch.where(pasted, source.images, target.images),
            labels=torch.where(pasted, source.labels, labels),
            weights=torch.where(pasted, 1.0, (confidence >= self.threshold).float()),
            pasted=pasted.expand(len(labels), -1, -1),
        )

    def rectangle(self, images):
        """Return a mask of where to paste: a box at a random place, (H, W)."""
        sides = [int(side * self.share**0.5) for side in images.shape[2:]]
        begins = [
            torch.randint(whole - side + 1, ()).item()
            for whole, side in zip(images.shape[2:], sides)
        ]
        pasted = images.new_zeros(images.shape[2:], dtype=torch.bool)
        rows, columns = (slice(begin, begin + side) for begin, side in zip(begins, sides))
        pasted[rows, columns] = True
        return pasted

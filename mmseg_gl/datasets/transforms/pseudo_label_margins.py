import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from mmseg_gl.errors import UserError

MASK = 'pseudo_label_mask'


@TRANSFORMS.register_module()
class PseudoLabelMargins(BaseTransform):
    """Mark the margins of an image, where a teacher's labels are not to be learned.

    The mask goes through Resize, RandomCrop and RandomFlip like a label: put this step after
    LoadImage, and :class:`PackMaskedInputs` in place of PackSegInputs. On Cityscapes, HRDA leaves
    out the car's bonnet and the borders of the rectified image.

    Needs ``img``; adds ``pseudo_label_mask`` (uint8, (H, W), 1 inside and 0 in the margins).

    Args:
        top, bottom, left, right: Margins in pixels of the image as it is at this step.

    Raises:
        UserError: For a margin that is not a whole number >= 0, or margins that leave nothing.
    """

    def __init__(self, top: int = 0, bottom: int = 0, left: int = 0, right: int = 0) -> None:
        margins = dict(top=top, bottom=bottom, left=left, right=right)
        for name, margin in margins.items():
            if not isinstance(margin, int) or margin < 0:
                raise UserError(
                    f'PseudoLabelMargins: {name}={margin!r}: expected a number of pixels >= 0'
                )
        self.margins = margins

    def transform(self, results: dict) -> dict:
        height, width = results['img'].shape[:2]
        top, bottom, left, right = self.margins.values()
        mask = np.zeros((height, width), np.uint8)
        mask[top : max(height - bottom, 0), left : max(width - right, 0)] = 1
        if not mask.any():
            raise UserError(
                f'the image {results.get("img_path")} is {width}x{height}: {self} leaves nothing '
                'of it; set smaller margins'
            )
        results[MASK] = mask
        results.setdefault('seg_fields', []).append(MASK)
        return results

    def __repr__(self) -> str:
        margins = ', '.join(f'{name}={margin}' for name, margin in self.margins.items())
        return f'PseudoLabelMargins({margins})'

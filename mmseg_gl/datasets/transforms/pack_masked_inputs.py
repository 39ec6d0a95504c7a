import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.datasets.transforms import PackSegInputs
from mmseg.registry import TRANSFORMS

from mmseg_gl.datasets.transforms.pseudo_label_margins import MASK
from mmseg_gl.errors import UserError


@TRANSFORMS.register_module()
class PackMaskedInputs(PackSegInputs):
    """PackSegInputs that also packs the mask of :class:`PseudoLabelMargins`.

    Needs ``pseudo_label_mask``; adds to the data sample ``pseudo_label_mask``, whose ``data`` is
    uint8, (1, H, W), of 0 and 1.

    Args:
        **kwargs: See ``PackSegInputs``.

    Raises:
        UserError: Without the mask.
    """

    def transform(self, results: dict) -> dict:
        if MASK not in results:
            raise UserError('PackMaskedInputs needs PseudoLabelMargins before it; add it')
        packed = super().transform(results)
        mask = torch.from_numpy(np.ascontiguousarray(results[MASK])[None])
        packed['data_samples'].set_data({MASK: PixelData(data=mask)})
        return packed

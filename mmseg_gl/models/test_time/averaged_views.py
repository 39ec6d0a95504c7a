from __future__ import annotations

from collections.abc import Sequence

from mmengine.model import BaseTTAModel
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_gl.errors import UserError


class AveragedViews(BaseTTAModel):
    """A model whose prediction of an image is the mean over several views of it.

    The views, flipped and resized copies, are each predicted with the model's own inference (whole
    image or windows), and their probabilities are averaged at the size of the original image. mmseg
    averages probabilities as well (``SegTTAModel``): logits of views may differ in their scale. The
    ``seg_logits`` of the samples are the mean probabilities, and their metainfo has ``averaged``.

    A batch has lists of views, as mmcv's ``TestTimeAug`` and ``pseudo_collate`` make them.

    Args:
        module: Model with ``test_step``.

    Raises:
        UserError: In use, when the samples do not say whether their image was flipped.
    """

    def merge_preds(
        self, data_samples_list: Sequence[Sequence[SegDataSample]]
    ) -> list[SegDataSample]:
        """Merge the predictions of the views of each image into the sample of its first view."""
        return [self.merge(views) for views in data_samples_list]

    def merge(self, views: Sequence[SegDataSample]) -> SegDataSample:
        if any('flip' not in view for view in views):
            raise UserError(
                'test-time augmentation needs samples that know whether they are flipped: leave '
                "meta_keys of PackSegInputs at their default, or add 'flip' and 'flip_direction'"
            )
        total = probabilities_of(views[0])
        for view in views[1:]:
            total = total + probabilities_of(view)
        merged, mean = views[0], total / len(views)
        merged.seg_logits = PixelData(data=mean)
        merged.pred_sem_seg = PixelData(data=mean.argmax(dim=0, keepdim=True))
        merged.set_metainfo(dict(averaged=True))
        return merged


def probabilities_of(sample: SegDataSample) -> Tensor:
    """Return the predicted probabilities, (K, H, W), of a sample of ``test_step``."""
    maps = sample.seg_logits.data
    return maps if has_probabilities(sample) else maps.softmax(dim=0)


def has_probabilities(sample: SegDataSample | dict) -> bool:
    """Return whether the ``seg_logits`` of a predicted sample are probabilities."""
    return 'averaged' in sample or 'probabilities' in sample.get('upsampled', 'logits')

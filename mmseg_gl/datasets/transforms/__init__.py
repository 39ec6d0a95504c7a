from mmseg_gl.datasets.transforms.load_image import LoadImage
from mmseg_gl.datasets.transforms.load_pseudo_labels import LoadPseudoLabels
from mmseg_gl.datasets.transforms.load_train_ids import LoadTrainIds
from mmseg_gl.datasets.transforms.pack_masked_inputs import PackMaskedInputs
from mmseg_gl.datasets.transforms.pseudo_label_margins import PseudoLabelMargins

__all__ = [
    'LoadImage',
    'LoadPseudoLabels',
    'LoadTrainIds',
    'PackMaskedInputs',
    'PseudoLabelMargins',
]

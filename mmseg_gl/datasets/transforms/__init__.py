from mmseg_gl.datasets.transforms.load_image import LoadImage
from mmseg_gl.datasets.transforms.load_pseudo_labels import LoadPseudoLabels
from mmseg_gl.datasets.transforms.load_train_ids import LoadTrainIds

__all__ = ['LoadImage', 'LoadPseudoLabels', 'LoadTrainIds']

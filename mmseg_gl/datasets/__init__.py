from mmseg_gl.datasets.any_classes_dataset import AnyClassesDataset
from mmseg_gl.datasets.camvid import CamVidDataset
from mmseg_gl.datasets.gta5 import GTA5Dataset
from mmseg_gl.datasets.image_folder import ImageFolderDataset
from mmseg_gl.datasets.rare_class_sampling import RareClassSampling
from mmseg_gl.datasets.synthia import SYNTHIADataset
from mmseg_gl.datasets.transforms import (
    LoadImage,
    LoadPseudoLabels,
    LoadTrainIds,
    PackMaskedInputs,
    PseudoLabelMargins,
)
from mmseg_gl.datasets.uda_dataset import UDADataset
from mmseg_gl.datasets.uda_sampler import UDASampler

__all__ = [
    'AnyClassesDataset',
    'CamVidDataset',
    'GTA5Dataset',
    'ImageFolderDataset',
    'LoadImage',
    'LoadPseudoLabels',
    'LoadTrainIds',
    'PackMaskedInputs',
    'PseudoLabelMargins',
    'RareClassSampling',
    'SYNTHIADataset',
    'UDADataset',
    'UDASampler',
]

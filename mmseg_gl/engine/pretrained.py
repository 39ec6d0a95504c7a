"""Checks of the parts of a network that start from a file of weights (``type='Pretrained'``)."""

import logging
import os
import warnings
from collections.abc import Iterator
from functools import partial

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModule
from mmengine.model.weight_init import PretrainedInit
from mmengine.runner import CheckpointLoader
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_gl.errors import UserError, in_short
from mmseg_gl.models.backbones import (
    DeepLabV2ResNet,
    DeepLabV2VGG,
    EfficientNetLite,
    FCN8sVGG,
    MixTransformer,
)
from mmseg_gl.weights.files import read_checkpoint, tensors_of

CAFFE_BACKBONES = (DeepLabV2ResNet, DeepLabV2VGG, FCN8sVGG)
# They check their files themselves.
CHECKING_BACKBONES = (*CAFFE_BACKBONES, EfficientNetLite, MixTransformer)
CAFFE_MEAN = (104.0, 116.7, 122.7)  # BGR, 0..255, of Caffe's ImageNet weights; rounded

NEEDS = {  # whether they are Caffe's
    True: "are Caffe's, which takes BGR images minus its mean: set bgr_to_rgb=False, "
    'mean=[104.00698793, 116.66876762, 122.67891434], std=[1.0, 1.0, 1.0]',
    False: 'take RGB images: set bgr_to_rgb=True, and the mean and std that they were trained with '
    '(usually mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])',
}

SOURCES = '; docs/data.md says where to get the weights of the shipped configs'


def pretrained_parts(model: nn.Module) -> Iterator[tuple[str, BaseModule, dict]]:
    """Yield the name, module and ``init_cfg`` of every part that starts from a file.

    mmseg's older argument ``pretrained`` becomes an ``init_cfg`` when the network is built.
    """
    for name, module in model.named_modules():
        init_cfgs = getattr(module, 'init_cfg', None) or []
        for init_cfg in [init_cfgs] if isinstance(init_cfgs, dict) else init_cfgs:
            if init_cfg.get('type') in ('Pretrained', PretrainedInit):
                yield name, module, init_cfg


def check_pretrained(model: nn.Module) -> None:
    """Make every part that starts from a file check that the file exists and fits.

    No file is read yet: the parts read them when the runner initialises the model's weights.

    Args:
        model: The model of a run, not wrapped.

    Raises:
        UserError: Later, from ``init_weights`` of a part, when its file or URL cannot be read or
            has less than half of its weights; mmengine would leave the others random.
    """
    for name, module, init_cfg in pretrained_parts(model):
        if not isinstance(module, CHECKING_BACKBONES):
            module.init_weights = partial(initialise, module, name, str(init_cfg.get('checkpoint')))


def faults_of_files(segmentor: dict) -> dict[str, str | None]:
    """Check the files of weights that the parts of a segmentor start from.

    The network is built without memory for its tensors. URLs are left out.

    Args:
        segmentor: Config of the segmentor.

    Returns:
        What is wrong with each file, by its path; None for a good one.
    """
    faults: dict[str, str | None] = {}
    with warnings.catch_warnings():  # e.g. that values are not copied to a network without memory
        warnings.simplefilter('ignore')
        with torch.device('meta'):
            network = MODELS.build(segmentor)
        for _, module, init_cfg in pretrained_parts(network):
            source, checks = str(init_cfg.get('checkpoint')), isinstance(module, CHECKING_BACKBONES)
            if '://' in source and not checks:
                continue
            try:
                module.init_weights() if checks else read_weights(source)
                faults[source] = None
            except UserError as error:
                faults[source] = f'{error}{"" if checks else SOURCES}'
    return faults


def initialise(module: BaseModule, name: str, source: str) -> None:
    """Initialise the weights of a module from a file, and check that they come from the file.

    The values are compared, not the names, as several backbones rename the tensors of the file.
    """
    del module.init_weights  # restores the method of the class
    part = f'model.{name} ({type(module).__name__})'
    choice = (
        f'set model.{name}.init_cfg.checkpoint (or pretrained, if that is what the config has) to '
        f'the file, or model.{name}.init_cfg=None (pretrained=None) to start at random'
    )
    try:
        given = tensors_of(read_weights(source))
    except Exception as error:
        raise UserError(
            f'{part} starts from the weights {source}, which cannot be read '
            f'({in_short(error)}): download them by hand and {choice}'
        ) from error
    try:
        module.init_weights()
    except UserError:  # of a part of it
        raise
    except Exception as error:
        raise UserError(
            f'{part} starts from the weights {source}, which do not fit ({in_short(error)}): get '
            f'those of this network and {choice}'
        ) from error
    values = {beginning(tensor) for tensor in given.values()}
    own = {key: weight for key, weight in module.named_parameters() if weight.dim() > 1}
    other = [key for key, weight in own.items() if beginning(weight) not in values]
    if 2 * len(other) > len(own):
        raise UserError(
            f'{part} starts from the weights {source}, but {len(other)} of its {len(own)} weight '
            f'tensors are not in that file (first: {other[0]}; the file has '
            f'{next(iter(given), "none")}): convert it to the names of this network, or set '
            f"init_cfg.prefix, e.g. 'backbone.' for a whole segmentor; or {choice}"
        )
    if other:
        print_log(
            f'{len(other)} of the {len(own)} weight tensors of {part} are not in {source} and '
            f'start from other values (first: {other[0]})',
            logger='current',
            level=logging.WARNING,
        )


def read_weights(source: str) -> dict:
    """Read a local file, or a URL that mmengine knows (``http://``, ``open-mmlab://``, ...)."""
    if '://' in source:
        return CheckpointLoader.load_checkpoint(source, map_location='cpu', logger='current')
    return read_checkpoint(os.path.expanduser(source))


def beginning(tensor: Tensor) -> tuple:
    """Return the shape and the first values of a tensor, to tell weights apart."""
    return tuple(tensor.shape), tuple(tensor.detach().flatten()[:8].float().tolist())


def warn_of_other_images(model: nn.Module, preprocessor: dict | None) -> None:
    """Log a warning when the images are not normalised as the pretrained weights need them.

    Caffe's weights, i.e. those of this library's Caffe backbones and those with "caffe" in their
    name, need BGR images of 0..255 minus Caffe's mean; all others need RGB images.

    Args:
        model: The model of a run, not wrapped.
        preprocessor: The config's ``model.data_preprocessor``; its input is BGR images.
    """
    preprocessor = preprocessor or {}
    rgb = preprocessor.get('bgr_to_rgb') or preprocessor.get('rgb_to_bgr')  # both swap
    mean, std = preprocessor.get('mean') or (0, 0, 0), preprocessor.get('std') or (1, 1, 1)
    caffe_mean = all(abs(a - b) < 1 for a, b in zip(mean, CAFFE_MEAN)) and set(std) == {1}
    for name, module, init_cfg in pretrained_parts(model):
        source = init_cfg.get('checkpoint')
        caffe = wants_caffe_images(module, source)
        fits = not rgb and caffe_mean if caffe else rgb and not caffe_mean
        if not fits and name.split('.')[0] == 'segmentor':
            print_log(
                f'model.data_preprocessor gives {"RGB" if rgb else "BGR"} images with mean={mean} '
                f'and std={std}, but the weights {source} of model.{name} {NEEDS[caffe]}.',
                logger='current',
                level=logging.WARNING,
            )


def wants_caffe_images(module: nn.Module, source: object) -> bool:
    return 'caffe' in str(source).lower() or any(
        isinstance(part, CAFFE_BACKBONES) and getattr(part, 'style', 'caffe') == 'caffe'
        for part in module.modules()
    )

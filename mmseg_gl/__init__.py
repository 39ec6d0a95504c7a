"""Unsupervised domain adaptation for semantic segmentation on MMSegmentation.

Importing the package registers its datasets, models, optimizers, hooks and metrics in mmseg's
registries; configs do so with ``custom_imports = dict(imports=['mmseg_gl'])``.
"""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from typing import TYPE_CHECKING

# mmseg prints and mmcv warns at import about optional extras that nothing here uses.
with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
    warnings.simplefilter('ignore')
    import mmseg.datasets
    import mmseg.models  # noqa: F401

from mmengine.config.utils import MODULE2PACKAGE

from mmseg_gl import datasets, engine, evaluation, models, visualization

if TYPE_CHECKING:
    from mmseg_gl.deployment.predictor import Predictor

# `_base_ = 'mmseg::...'`: mmengine would ask pip for mmsegmentation, which here has another name.
MODULE2PACKAGE['mmseg'] = 'mmseg'

__version__ = '0.1.0'

__all__ = ['datasets', 'engine', 'evaluation', 'load', 'models', 'visualization']


def load(file: str | os.PathLike, device: str | None = None) -> Predictor:
    """Load a published network: ``mmseg_gl.load(FILE).predict(IMAGE).labels``.

    Args:
        file: File written by tools/publish.py. It may come from anybody: nothing in it is executed.
        device: E.g. 'cpu' or 'cuda:1'; None takes a GPU if there is one.

    Returns:
        See :class:`mmseg_gl.deployment.predictor.Predictor`.
    """
    from mmseg_gl.deployment.predictor import Predictor

    return Predictor(file, device)

"""Unsupervised domain adaptation for semantic segmentation on MMSegmentation.

Importing the package registers its datasets, models, optimizers, hooks and metrics in mmseg's
registries; configs do so with ``custom_imports = dict(imports=['mmseg_gl'])``.
"""

import contextlib
import io
import warnings

# mmseg prints and mmcv warns at import about optional extras that nothing here uses.
with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
    warnings.simplefilter('ignore')
    import mmseg.datasets
    import mmseg.models  # noqa: F401

from mmengine.config.utils import MODULE2PACKAGE

from mmseg_gl import datasets, engine, evaluation, models, visualization

# `_base_ = 'mmseg::...'`: mmengine would ask pip for mmsegmentation, which here has another name.
MODULE2PACKAGE['mmseg'] = 'mmseg'

__version__ = '0.1.0'

__all__ = ['datasets', 'engine', 'evaluation', 'models', 'visualization']

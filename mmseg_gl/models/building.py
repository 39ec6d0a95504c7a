"""Building the segmentor and the parts of a model."""

from inspect import signature

from mmseg.registry import MODELS
from torch import nn

from mmseg_gl.errors import UserError


def build_segmentor(cfg: dict) -> nn.Module:
    """Build a segmentor that has ``mode='outputs'``.

    Raises:
        UserError: For a segmentor of another class.
    """
    if cfg.get('type') == 'EncoderDecoder':
        cfg = {**cfg, 'type': 'MultiOutputEncoderDecoder'}
    segmentor = MODELS.build(cfg)
    if not hasattr(segmentor, 'outputs'):
        raise UserError(
            f'model.segmentor is a {type(segmentor).__name__}, which cannot return the logits of '
            'every head; use MultiOutputEncoderDecoder, which takes the options of EncoderDecoder'
        )
    return segmentor


def build_part(cfg: dict, segmentor: nn.Module) -> nn.Module:
    """Build a part; one whose constructor has an argument ``segmentor`` gets it."""
    kind = MODELS.get(cfg['type'])
    takes = kind is not None and 'segmentor' in signature(kind).parameters
    return MODELS.build(cfg, default_args=dict(segmentor=segmentor) if takes else None)

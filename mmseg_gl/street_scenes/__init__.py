"""Procedural street scenes: a labelled game-like source and a camera-like target.

A small domain adaptation benchmark that is drawn, not downloaded, and written in the on-disk
formats of GTA5 or SYNTHIA (source) and Cityscapes (target).
"""

from mmseg_gl.street_scenes.config import StreetScenesConfig
from mmseg_gl.street_scenes.generate import generate
from mmseg_gl.street_scenes.preview import preview
from mmseg_gl.street_scenes.render import Split, render

__all__ = ['Split', 'StreetScenesConfig', 'generate', 'preview', 'render']

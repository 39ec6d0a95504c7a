"""The files of the benchmark, in the formats of the data sets they stand for."""

import io
import os

import numpy as np

from mmseg_gl.datasets.palette import palette_image
from mmseg_gl.files import write_bytes
from mmseg_gl.street_scenes.config import StreetScenesConfig
from mmseg_gl.street_scenes.materials import PALETTE, SYNTHIA_IDS
from mmseg_gl.street_scenes.render import Split, render
from mmseg_gl.visualization.encoding import encoded

CITIES = {Split.TARGET_TRAIN: ('train', 'proceduria'), Split.TARGET_VAL: ('val', 'perlinburg')}
SYNTHIA_INSTANCE = 1


def sample_paths(config: StreetScenesConfig, split: Split, index: int) -> tuple[str, str]:
    """Paths of an image and of its labels, relative to the benchmark's folder."""
    if split is not Split.SOURCE:
        subset, city = CITIES[split]
        stem = os.path.join(subset, city, f'{city}_{index:06d}_000019')
        return (
            os.path.join('cityscapes', 'leftImg8bit', f'{stem}_leftImg8bit.png'),
            os.path.join('cityscapes', 'gtFine', f'{stem}_gtFine_labelIds.png'),
        )
    if config.source_format == 'gta5':
        name = f'{index + 1:05d}.png'
        return os.path.join('GTA5', 'images', name), os.path.join('GTA5', 'labels', name)
    name = f'{index:07d}.png'
    return os.path.join('SYNTHIA', 'RGB', name), os.path.join('SYNTHIA', 'GT', 'LABELS', name)


def write_sample(config: StreetScenesConfig, out_dir: str, split: Split, index: int) -> None:
    """Render an image and write it and its labels; their folders must exist."""
    image, labels = render(config, split, index)
    image_path, label_path = sample_paths(config, split, index)
    if split is not Split.SOURCE:
        encoded_labels = encoded(labels)
    elif config.source_format == 'gta5':
        encoded_labels = _encode_gta5_labels(labels)
    else:
        encoded_labels = _encode_synthia_labels(labels)
    write_bytes(os.path.join(out_dir, image_path), encoded(image))
    write_bytes(os.path.join(out_dir, label_path), encoded_labels)


def _encode_gta5_labels(labels: np.ndarray) -> bytes:
    """Encode as an 8-bit palette PNG of Cityscapes ids."""
    buffer = io.BytesIO()
    palette_image(labels, PALETTE).save(buffer, format='PNG')
    return buffer.getvalue()


def _encode_synthia_labels(labels: np.ndarray) -> bytes:
    """Encode as a 16-bit RGB PNG: SYNTHIA's class id, an instance id, 0."""
    ids = np.zeros(256, np.uint16)
    for material, synthia_id in SYNTHIA_IDS.items():
        ids[material] = synthia_id
    channels = (ids[labels], np.full_like(labels, SYNTHIA_INSTANCE, np.uint16))
    return encoded(np.dstack((*channels, np.zeros_like(channels[0]))))

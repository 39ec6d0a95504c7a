"""Published files of small networks that were not trained, but whose predictions vary."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from PIL import Image

from mmseg_gl.config.load import load_config
from mmseg_gl.deployment.published import published, to_bytes

CONFIGS = Path(__file__).parents[2] / 'configs'
TINY = CONFIGS / 'adaptsegnet/adaptsegnet-gl_deeplabv2-tiny_street-scenes.py'
HRDA = CONFIGS / 'hrda/hrda_deeplabv2-tiny_street-scenes.py'
SEGFORMER = """
_base_ = [
    '{0}/_base_/models/segformer_mitb5.py',
    '{0}/_base_/datasets/street_scenes.py',
    '{0}/_base_/default_runtime.py',
]
model = dict(segmentor=dict(backbone=dict(arch='b0', init_cfg=None)))
"""
# Of mmseg's parts only.
ASPP = """
_base_ = ['{0}/_base_/datasets/street_scenes.py', '{0}/_base_/default_runtime.py']
norm_cfg = dict(type='SyncBN')
model = dict(
    type='UDASegmentor',
    data_preprocessor=dict(type='SegDataPreProcessor', mean=[90, 80, 70], std=[9, 8, 7]),
    segmentor=dict(
        type='EncoderDecoder',
        backbone=dict(
            type='ResNetV1c', depth=18, base_channels=8, stem_channels=8, norm_cfg=norm_cfg
        ),
        decode_head=dict(
            type='ASPPHead',
            in_channels=64,
            in_index=3,
            channels=8,
            dilations=(1, 2),
            num_classes=19,
            norm_cfg=norm_cfg,
        ),
        test_cfg=dict(mode='whole', resize_twice=True),
    ),
)
"""


@pytest.fixture(scope='session')
def networks(tmp_path_factory):
    """Configs by name, each with the checkpoint of a run beside it: {name: (config, file)}."""
    init_default_scope('mmseg')
    folder = tmp_path_factory.mktemp('networks')
    written = dict(segformer=folder / 'segformer.py', aspp=folder / 'aspp.py')
    written['segformer'].write_text(SEGFORMER.format(CONFIGS))
    written['aspp'].write_text(ASPP.format(CONFIGS))
    found = {}
    for name, config in dict(tiny=TINY, hrda=HRDA, **written).items():
        torch.manual_seed(0)
        cfg = load_config(config)
        model = MODELS.build(cfg.model)
        for key, parameter in model.segmentor.decode_head.named_parameters():
            if 'conv_seg' in key or 'branches' in key:
                torch.nn.init.normal_(parameter, std=0.2 if key.endswith('weight') else 0)
        if model.teacher:  # another network than the segmentor
            model.teacher.before_step(model.segmentor)
            model.segmentor.decode_head.branches[0].weight.data.neg_()
        found[name] = config, folder / f'{name}.pth'
        torch.save(dict(meta=dict(iter=7), state_dict=model.state_dict()), found[name][1])
    return found


@pytest.fixture
def publish(networks, tmp_path):
    """The function that publishes a network and returns the path of the file."""

    def publish(name, options=None, change=lambda contents: None):
        config, checkpoint = networks[name]
        cfg = load_config(config, options)
        contents = published(cfg, str(checkpoint))
        change(contents)
        content, digits = to_bytes(contents)
        path = tmp_path / f'{name}-{digits}.pth'
        path.write_bytes(content)
        return path

    return publish


@pytest.fixture(scope='session')
def photos(tmp_path_factory):
    """A folder of two images of different sizes; the JPEG has an EXIF orientation."""
    folder = tmp_path_factory.mktemp('photos')
    generator = np.random.default_rng(0)
    turned = Image.Exif()
    turned[0x112] = 6  # which neither training nor tools/infer.py looks at
    for name, size in (('a.jpg', (50, 70)), ('deep/b.png', (96, 192))):
        (folder / name).parent.mkdir(exist_ok=True)
        blots = Image.fromarray(generator.integers(0, 256, (9, 12, 3), dtype=np.uint8))
        options = dict(exif=turned) if name.endswith('jpg') else {}
        blots.resize(size[::-1]).save(folder / name, **options)
    return folder

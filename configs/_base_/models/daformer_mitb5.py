# DAFormer's network: MiT-B5 (SegFormer's backbone) and the context-aware fusion of all its stages, in
# RGB with ImageNet's mean and standard deviation. model.segmentor.backbone.arch=b0 to b4 takes a
# smaller MiT.
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
            type='MixTransformer',
            arch='b5',
            drop_path_rate=0.1,
            # NVIDIA's ImageNet weights (no commercial use), or OpenMMLab's file of the same weights.
            init_cfg=dict(type='Pretrained', checkpoint='data/pretrained/mit_{arch}.pth'),
        ),
        decode_head=dict(
            type='DAFormerHead',  # in_channels: those of the backbone
            channels=256,
            dilations=(1, 6, 12, 18),
            dropout_ratio=0.1,
            num_classes=19,
            align_corners=False,
            # The mean over all pixels, unlabelled ones included.
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=False, loss_weight=1.0),
        ),
        test_cfg=dict(mode='whole', resize_twice=True),  # as mmseg 0.x, with which it was tested
    ),
)

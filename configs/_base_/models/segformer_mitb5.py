# SegFormer on MiT-B5, with mmseg's head.
_base_ = './daformer_mitb5.py'
model = dict(
    segmentor=dict(
        decode_head=dict(
            _delete_=True,
            type='SegformerHead',  # in_channels: those of the backbone
            channels=256,  # mmseg's; NVIDIA's B5 has 768
            dropout_ratio=0.1,
            num_classes=19,
            norm_cfg=dict(type='BN', requires_grad=True),
            align_corners=False,
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True, loss_weight=1.0),
        ),
        test_cfg=dict(resize_twice=False),
    ),
)

# HRDA for the street scenes: detail crops of half of the images' sides, and a tiny network whose
# outputs fit its grid (those of DeepLabV2ResNet are one cell longer).
_base_ = './deeplabv2_tiny_bn.py'
model = dict(
    segmentor=dict(
        type='HRDAEncoderDecoder',
        detail_crop=(48, 96),
        detail_stride=(24, 48),
        detail_weight=0.1,
        backbone=dict(
            _delete_=True,
            type='ResNet',
            depth=18,
            stem_channels=16,
            base_channels=16,
            strides=(1, 1, 1, 1),
            dilations=(1, 1, 2, 4),
            out_indices=(2, 3),
            norm_cfg=dict(type='BN', requires_grad=True),
        ),
        decode_head=dict(align_corners=False),
        scale_attention_head=dict(
            type='DeepLabV2Head',
            in_channels=128,
            in_index=1,
            dilations=(2, 4, 6, 8),
            num_classes=19,
            align_corners=False,
        ),
        auxiliary_head=None,
    ),
)

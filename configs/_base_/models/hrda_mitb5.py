# HRDA's network: DAFormer's on the context (half the resolution) and on a detail crop (the full one).
_base_ = './daformer_mitb5.py'
model = dict(
    segmentor=dict(
        type='HRDAEncoderDecoder',
        detail_crop=(512, 512),  # of images of 1024x1024
        detail_stride=(256, 256),
        detail_weight=0.1,  # hr_loss_weight
        scale_attention_head=dict(
            type='DAFormerHead',
            fusion='conv',
            channels=256,
            dropout_ratio=0.1,
            num_classes=19,  # the attention is by class
            align_corners=False,
        ),
        # Windows of 1024 with a step of 512; the network cuts each into detail crops.
        test_cfg=dict(_delete_=True, mode='slide', crop_size=(1024, 1024), stride=(512, 512)),
    ),
)

# DeepLab-v2 on ResNet-101 with two outputs, as in AdaptSegNet (multi-level) and ADVENT.
model = dict(
    type='UDASegmentor',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[104.00698793, 116.66876762, 122.67891434],  # BGR, 0..255: Caffe's ImageNet mean
        std=[1.0, 1.0, 1.0],
        size_divisor=1,
        seg_pad_val=255,
    ),
    segmentor=dict(
        type='MultiOutputEncoderDecoder',
        backbone=dict(
            type='DeepLabV2ResNet',
            depth=101,
            init_cfg=dict(
                type='Pretrained', checkpoint='data/pretrained/resnet101_caffe_imagenet.pth'
            ),
        ),
        decode_head=dict(
            type='DeepLabV2Head',
            in_channels=2048,  # layer4
            in_index=1,
            num_classes=19,
            num_branches=4,
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True, loss_weight=1.0),
        ),
        auxiliary_head=dict(
            type='DeepLabV2Head',
            in_channels=1024,  # layer3
            in_index=0,
            num_classes=19,
            num_branches=4,
            # lambda_seg = 0.1 (AdaptSegNet and ADVENT)
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True, loss_weight=0.1),
        ),
        test_cfg=dict(mode='whole'),
    ),
)

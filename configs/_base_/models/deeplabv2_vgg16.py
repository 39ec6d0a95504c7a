# DeepLab-v2 on VGG-16 with one output (AdaptSegNet, model/deeplab_vgg.py).
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
            type='DeepLabV2VGG',
            init_cfg=dict(type='Pretrained', checkpoint='data/pretrained/vgg16_caffe_imagenet.pth'),
        ),
        decode_head=dict(
            type='DeepLabV2Head',
            in_channels=1024,
            num_classes=19,
            num_branches=4,  # 2 for AdaptSegNet's published weights
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True, loss_weight=1.0),
        ),
        test_cfg=dict(mode='whole'),
    ),
)

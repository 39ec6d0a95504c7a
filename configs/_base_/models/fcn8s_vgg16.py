# FCN-8s on VGG-16 with one output (BDL's "VGG" rows, model/fcn8s.py).
_base_ = './deeplabv2_r101.py'
model = dict(
    segmentor=dict(
        backbone=dict(
            _delete_=True,
            type='FCN8sVGG',
            init_cfg=dict(type='Pretrained', checkpoint='data/pretrained/vgg16_caffe_imagenet.pth'),
        ),
        decode_head=dict(
            _delete_=True,
            type='FCN8sHead',
            in_channels=(256, 512, 4096),
            num_classes=19,
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True, loss_weight=1.0),
        ),
        auxiliary_head=None,
    ),
)

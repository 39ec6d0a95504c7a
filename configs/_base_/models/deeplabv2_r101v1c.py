# DeepLab-v2 on ResNet-101-V1c, the convolutional network of DAFormer's and HRDA's papers. It differs
# from AdaptSegNet's: other ImageNet weights, trained batch norm, RGB, and two dilations.
_base_ = './daformer_mitb5.py'
model = dict(
    segmentor=dict(
        backbone=dict(
            _delete_=True,
            type='ResNetV1c',
            depth=101,
            strides=(1, 2, 1, 1),
            dilations=(1, 1, 2, 4),
            contract_dilation=True,
            style='pytorch',
            norm_cfg=dict(type='BN', requires_grad=True),
            init_cfg=dict(
                type='Pretrained',
                # open-mmlab://resnet101_v1c of OpenMMLab's model hub
                checkpoint='data/pretrained/resnet101_v1c-e67eebb6.pth',
            ),
        ),
        decode_head=dict(
            _delete_=True,
            type='DeepLabV2Head',
            in_channels=2048,
            in_index=3,
            dilations=(6, 12),
            num_classes=19,
            align_corners=False,
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=False, loss_weight=1.0),
        ),
    ),
)

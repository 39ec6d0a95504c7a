# DeepLab-v2 on VGG-16 with one output (AdaptSegNet, model/deeplab_vgg.py).
_base_ = './deeplabv2_r101.py'
model = dict(
    segmentor=dict(
        backbone=dict(
            _delete_=True,
            type='DeepLabV2VGG',
            init_cfg=dict(type='Pretrained', checkpoint='data/pretrained/vgg16_caffe_imagenet.pth'),
        ),
        decode_head=dict(in_channels=1024, in_index=0),
        auxiliary_head=None,
    ),
)

# A ResNet-10 of a quarter of the width with output stride 4, for the street scenes: trains
# from scratch in minutes on a CPU, with the same heads and step as the large networks.
_base_ = './deeplabv2_r101.py'
model = dict(
    segmentor=dict(
        backbone=dict(
            depth=10,
            stem_channels=16,
            base_channels=16,
            strides=(1, 1, 1, 1),
            # Batch norm's running statistics would mix two very different domains here,
            # which no forward pass of the training has used.
            norm_cfg=dict(type='GN', num_groups=8, requires_grad=True),
            init_cfg=None,
        ),
        decode_head=dict(in_channels=128, dilations=(2, 4, 6, 8)),
        auxiliary_head=dict(in_channels=64, dilations=(2, 4, 6, 8)),
    ),
)

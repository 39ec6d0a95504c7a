# ResNet-101 with the official parameter groups.
_base_ = './poly_250k.py'
optim_wrapper = dict(
    segmentor=dict(
        paramwise_cfg=dict(
            custom_keys={
                # The official optimizer lists each convolution of layer1..4 three times and the
                # downsample ones four times; see RepeatedSGD.
                'layer': dict(repeats=3),
                'downsample': dict(repeats=4),
                # New layers learn ten times faster.
                'decode_head': dict(lr_mult=10.0),
                'auxiliary_head': dict(lr_mult=10.0),
            },
        ),
    ),
)

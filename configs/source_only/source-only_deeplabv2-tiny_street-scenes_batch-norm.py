# With batch norm in place of group norm: test.py --adapt bn takes its statistics from the target.
_base_ = './source-only_deeplabv2-tiny_street-scenes.py'
model = dict(
    segmentor=dict(
        backbone=dict(norm_cfg=dict(_delete_=True, type='BN', requires_grad=True)),
    ),
)

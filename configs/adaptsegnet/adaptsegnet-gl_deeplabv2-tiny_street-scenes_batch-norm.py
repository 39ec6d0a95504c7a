# With batch norm in place of group norm: its running statistics mix both domains, and
# test.py --adapt bn takes those of the target.
_base_ = './adaptsegnet-gl_deeplabv2-tiny_street-scenes.py'
model = dict(
    segmentor=dict(
        backbone=dict(norm_cfg=dict(_delete_=True, type='BN', requires_grad=True)),
    ),
)

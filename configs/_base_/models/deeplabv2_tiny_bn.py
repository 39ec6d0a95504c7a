# The same with batch norm, for methods with a teacher: in training each pass is normalised with the
# statistics of its own batch, and the teacher, which is evaluated, keeps those of the target.
_base_ = './deeplabv2_tiny.py'
model = dict(
    segmentor=dict(
        backbone=dict(norm_cfg=dict(_delete_=True, type='BN', requires_grad=True)),
    ),
    evaluated='teacher',
)

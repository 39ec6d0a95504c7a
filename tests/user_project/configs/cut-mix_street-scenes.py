# Mean teacher with mixing: no head, no target loss, one view.
_base_ = [
    '../../configs/_base_/models/deeplabv2_tiny.py',
    '../../configs/_base_/datasets/street_scenes.py',
    '../../configs/_base_/schedules/street_scenes.py',
    '../../configs/_base_/default_runtime.py',
]
custom_imports = dict(imports=['mmseg_gl', 'my_uda'])
model = dict(
    teacher=dict(type='EMATeacher', momentum=1e-2),
    views=dict(cut_mix=dict(type='CutMix')),
)

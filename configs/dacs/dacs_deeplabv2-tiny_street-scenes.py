_base_ = [
    '../_base_/models/deeplabv2_tiny.py',
    '../_base_/datasets/street_scenes.py',
    '../_base_/schedules/street_scenes.py',
    '../_base_/uda/dacs_street_scenes.py',
    '../_base_/default_runtime.py',
]
model = dict(teacher=_base_.teacher, views=_base_.views)

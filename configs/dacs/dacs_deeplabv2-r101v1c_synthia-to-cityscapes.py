# DACS, ResNet-101, SYNTHIA -> Cityscapes.
# Mirrors: DACS as trained by DAFormer's code.
_base_ = [
    '../_base_/models/deeplabv2_r101v1c.py',
    '../_base_/datasets/synthia_to_cityscapes_512x512.py',
    '../_base_/schedules/adamw_40k.py',
    '../_base_/uda/dacs.py',
    '../_base_/default_runtime.py',
]
model = dict(teacher=_base_.teacher, views=_base_.views)

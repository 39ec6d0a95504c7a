# DACS, ResNet-101, GTA5 -> Cityscapes: 53.9, HRDA's figure (Table 2).
# Mirrors: DACS as trained by DAFormer's code.
_base_ = [
    '../_base_/models/deeplabv2_r101v1c.py',
    '../_base_/datasets/gta5_to_cityscapes_512x512.py',
    '../_base_/schedules/adamw_40k.py',
    '../_base_/uda/dacs.py',
    '../_base_/default_runtime.py',
]
model = dict(teacher=_base_.teacher, views=_base_.views)

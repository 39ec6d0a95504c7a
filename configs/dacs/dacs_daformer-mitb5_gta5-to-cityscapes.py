# DACS, MiT-B5, GTA5 -> Cityscapes.
# Mirrors: DACS as trained by DAFormer's code.
_base_ = [
    '../_base_/models/daformer_mitb5.py',
    '../_base_/datasets/gta5_to_cityscapes_512x512.py',
    '../_base_/schedules/adamw_40k.py',
    '../_base_/uda/dacs.py',
    '../_base_/default_runtime.py',
]
model = dict(teacher=_base_.teacher, views=_base_.views)

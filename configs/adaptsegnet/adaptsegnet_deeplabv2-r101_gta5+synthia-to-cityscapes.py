# Paper row: none; AdaptSegNet, ResNet-101, multi-level, with GTA5 and SYNTHIA as one source.
# Mirrors: no published code; adaptsegnet_deeplabv2-r101_gta5-to-cityscapes.py but for the source.
_base_ = [
    '../_base_/models/deeplabv2_r101_two_branches.py',
    '../_base_/datasets/gta5_synthia_to_cityscapes.py',
    '../_base_/schedules/poly_250k_r101.py',
    '../_base_/uda/adaptsegnet.py',
    '../_base_/default_runtime.py',
]
model = dict(heads=dict(global_head=_base_.global_head))

# Paper row: none of the table; a variant of AdaptSegNet, ResNet-101, GTA5 -> Cityscapes.
# Mirrors: AdaptSegNet, pytorch_0.4/train_gta2cityscapes_multi.py with deeplab_multi.py, --gan LS.
_base_ = [
    '../_base_/models/deeplabv2_r101_two_branches.py',
    '../_base_/datasets/gta5_to_cityscapes.py',
    '../_base_/schedules/poly_250k_r101.py',
    '../_base_/uda/adaptsegnet_lsgan.py',
    '../_base_/default_runtime.py',
]
model = dict(segmentor=dict(auxiliary_head=None), heads=dict(global_head=_base_.global_head))

# Paper row: AdaptSegNet, ResNet-101, SYNTHIA -> Cityscapes, multi-level: 46.7 (13 classes),
#   AdaptSegNet's figure; the table's 45.9 is the single-level config's.
# Mirrors: AdaptSegNet, pytorch_0.4/train_gta2cityscapes_multi.py with deeplab_multi.py.
_base_ = [
    '../_base_/models/deeplabv2_r101_two_branches.py',
    '../_base_/datasets/synthia_to_cityscapes.py',
    '../_base_/schedules/poly_250k_r101.py',
    '../_base_/uda/adaptsegnet.py',
    '../_base_/default_runtime.py',
]
model = dict(heads=dict(global_head=_base_.global_head))

# Paper row: AdaptSegNet, ResNet-101, SYNTHIA -> Cityscapes: 45.9 (13 classes), the paper's
#   figure.
# Mirrors: AdaptSegNet, pytorch_0.4/train_gta2cityscapes_multi.py with deeplab_multi.py,
#   lambda_seg 0.
_base_ = [
    '../_base_/models/deeplabv2_r101_two_branches.py',
    '../_base_/datasets/synthia_to_cityscapes.py',
    '../_base_/schedules/poly_250k_r101.py',
    '../_base_/uda/adaptsegnet_single_level.py',
    '../_base_/default_runtime.py',
]
model = dict(segmentor=dict(auxiliary_head=None), heads=dict(global_head=_base_.global_head))

# Paper row: AdaptSegNet, ResNet-101, GTA5 -> Cityscapes, multi-level: 42.4, AdaptSegNet's figure;
#   the table's 41.4 is the single-level config's.
# Mirrors: AdaptSegNet, pytorch_0.4/train_gta2cityscapes_multi.py with deeplab_multi.py.
# Memory: 2.6 GiB on a CPU at 640x360 and 512x256, float32.
_base_ = [
    '../_base_/models/deeplabv2_r101_two_branches.py',
    '../_base_/datasets/gta5_to_cityscapes.py',
    '../_base_/schedules/poly_250k_r101.py',
    '../_base_/uda/adaptsegnet.py',
    '../_base_/default_runtime.py',
]
model = dict(heads=dict(global_head=_base_.global_head))

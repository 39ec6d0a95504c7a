# Paper row: none of the table; ADVENT, VGG-16, GTA5 -> Cityscapes: 36.1, ADVENT's figure.
# Mirrors: ADVENT, advent/domain_adaptation/train_UDA.py (train_advent).
# Deviations: not in the public code, ResNet-101 hyperparameters.
_base_ = [
    '../_base_/models/deeplabv2_vgg16.py',
    '../_base_/datasets/gta5_to_cityscapes.py',
    '../_base_/schedules/advent_120k.py',
    '../_base_/uda/advent_single_level.py',
    '../_base_/default_runtime.py',
]
model = dict(heads=dict(global_head=_base_.global_head))

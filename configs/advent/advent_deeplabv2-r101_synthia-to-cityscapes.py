# Paper row: ADVENT, ResNet-101, SYNTHIA -> Cityscapes: 47.6 (13 classes), the paper's figure.
# Mirrors: ADVENT, advent/domain_adaptation/train_UDA.py (train_advent).
# Deviations: 19 outputs instead of 16 (see _16-classes).
_base_ = [
    '../_base_/models/deeplabv2_r101.py',
    '../_base_/datasets/synthia_to_cityscapes.py',
    '../_base_/schedules/advent_90k_r101.py',
    '../_base_/uda/advent.py',
    '../_base_/default_runtime.py',
]
model = dict(heads=dict(global_head=_base_.global_head))

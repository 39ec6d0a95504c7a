_base_ = [
    '../_base_/models/deeplabv2_r101.py',
    '../_base_/datasets/synthia_to_cityscapes.py',
    '../_base_/schedules/advent_90k_r101.py',
    '../_base_/uda/advent.py',
    '../_base_/default_runtime.py',
]
model = dict(global_head=_base_.global_head)

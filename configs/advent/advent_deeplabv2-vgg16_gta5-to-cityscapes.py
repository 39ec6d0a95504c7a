_base_ = [
    '../_base_/models/deeplabv2_vgg16.py',
    '../_base_/datasets/gta5_to_cityscapes.py',
    '../_base_/schedules/advent_120k.py',
    '../_base_/uda/advent_single_level.py',
    '../_base_/default_runtime.py',
]
model = dict(global_head=_base_.global_head)

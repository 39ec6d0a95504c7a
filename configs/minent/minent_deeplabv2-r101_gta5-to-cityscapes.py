_base_ = [
    '../_base_/models/deeplabv2_r101.py',
    '../_base_/datasets/gta5_to_cityscapes.py',
    '../_base_/schedules/advent_120k_r101.py',
    '../_base_/uda/minent.py',
    '../_base_/default_runtime.py',
]
model = dict(target_losses=_base_.target_losses)

# Paper row: ADVENT, ResNet-101, GTA5 -> Cityscapes: 43.8, the paper's figure.
# Mirrors: ADVENT, advent/domain_adaptation/train_UDA.py (train_advent).
# Memory: 2.7 GiB on a CPU at 640x360 and 512x256, float32; 8.8 GiB at full size.
_base_ = [
    '../_base_/models/deeplabv2_r101.py',
    '../_base_/datasets/gta5_to_cityscapes.py',
    '../_base_/schedules/advent_120k_r101.py',
    '../_base_/uda/advent.py',
    '../_base_/default_runtime.py',
]
model = dict(heads=dict(global_head=_base_.global_head))

# Paper row: none of the table; MinEnt, ResNet-101, GTA5 -> Cityscapes: 42.3, ADVENT's figure.
# Mirrors: ADVENT, advent/domain_adaptation/train_UDA.py (train_minent).
# Memory: 2.6 GiB on a CPU at 640x360 and 512x256, float32.
_base_ = [
    '../_base_/models/deeplabv2_r101.py',
    '../_base_/datasets/gta5_to_cityscapes.py',
    '../_base_/schedules/advent_120k_r101.py',
    '../_base_/uda/minent.py',
    '../_base_/default_runtime.py',
]
model = dict(target_losses=_base_.target_losses)

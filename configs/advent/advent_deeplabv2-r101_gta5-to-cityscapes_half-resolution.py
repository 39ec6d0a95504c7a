# Paper row: ADVENT, ResNet-101, GTA5 -> Cityscapes: 43.8, the paper's figure; at which input size
#   is not stated, the release has this one.
# Mirrors: ADVENT, advent/domain_adaptation/train_UDA.py (train_advent), with the input sizes of
#   the paper's release (an ADVENT fork), advent_global_local.yml.
# Deviations: 1 + 1 images (the release leaves the batch size open and hints at 16 on four GPUs).
_base_ = [
    '../_base_/models/deeplabv2_r101.py',
    '../_base_/datasets/gta5_to_cityscapes_half_resolution.py',
    '../_base_/schedules/advent_120k_r101.py',
    '../_base_/uda/advent.py',
    '../_base_/default_runtime.py',
]
model = dict(heads=dict(global_head=_base_.global_head))

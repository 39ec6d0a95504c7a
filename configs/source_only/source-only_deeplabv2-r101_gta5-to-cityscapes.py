# Paper row: Source only, ResNet-101, GTA5 -> Cityscapes: 36.6, the paper's figure.
# Mirrors: AdaptSegNet, the same script without its target half.
# Memory: 2.6 GiB on a CPU at 640x360, float32.
_base_ = [
    '../_base_/models/deeplabv2_r101_two_branches.py',
    '../_base_/datasets/gta5_to_cityscapes.py',
    '../_base_/schedules/poly_250k_r101.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(dataset=dict(target=None))  # no target image is ever forwarded

# Paper row: Source only, ResNet-101, SYNTHIA -> Cityscapes: 38.6 (13 classes), the paper's
#   figure.
# Mirrors: AdaptSegNet, the same script without its target half.
_base_ = [
    '../_base_/models/deeplabv2_r101_two_branches.py',
    '../_base_/datasets/synthia_to_cityscapes.py',
    '../_base_/schedules/poly_250k_r101.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(dataset=dict(target=None))  # no target image is ever forwarded

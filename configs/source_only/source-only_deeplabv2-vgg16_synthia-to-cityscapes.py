# Paper row: none of the table; source-only, VGG-16, SYNTHIA -> Cityscapes.
# Mirrors: AdaptSegNet, the same script without its target half.
_base_ = [
    '../_base_/models/deeplabv2_vgg16_two_branches.py',
    '../_base_/datasets/synthia_to_cityscapes.py',
    '../_base_/schedules/poly_250k.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(dataset=dict(target=None))  # no target image is ever forwarded

# Paper row: none of the table; MinEnt, VGG-16, SYNTHIA -> Cityscapes: 35.4 (13 classes), ADVENT's
#   figure.
# Mirrors: ADVENT, advent/domain_adaptation/train_UDA.py (train_minent).
# Deviations: not in the public code, ResNet-101 hyperparameters, no class-ratio prior.
_base_ = [
    '../_base_/models/deeplabv2_vgg16.py',
    '../_base_/datasets/synthia_to_cityscapes.py',
    '../_base_/schedules/advent_90k.py',
    '../_base_/uda/minent_single_level.py',
    '../_base_/default_runtime.py',
]
model = dict(target_losses=_base_.target_losses)

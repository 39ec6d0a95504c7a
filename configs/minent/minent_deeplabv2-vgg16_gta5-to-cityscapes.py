# Paper row: none of the table; MinEnt, VGG-16, GTA5 -> Cityscapes: 32.8, ADVENT's figure.
# Mirrors: ADVENT, advent/domain_adaptation/train_UDA.py (train_minent).
# Deviations: not in the public code, ResNet-101 hyperparameters.
_base_ = [
    '../_base_/models/deeplabv2_vgg16.py',
    '../_base_/datasets/gta5_to_cityscapes.py',
    '../_base_/schedules/advent_120k.py',
    '../_base_/uda/minent_single_level.py',
    '../_base_/default_runtime.py',
]
model = dict(target_losses=_base_.target_losses)

# Paper row: none of the table; MinEnt, ResNet-101, SYNTHIA -> Cityscapes: 44.2 (13 classes),
#   ADVENT's figure.
# Mirrors: ADVENT, advent/domain_adaptation/train_UDA.py (train_minent).
# Deviations: 19 outputs instead of 16 (see advent_..._16-classes).
_base_ = [
    '../_base_/models/deeplabv2_r101.py',
    '../_base_/datasets/synthia_to_cityscapes.py',
    '../_base_/schedules/advent_90k_r101.py',
    '../_base_/uda/minent.py',
    '../_base_/default_runtime.py',
]
model = dict(target_losses=_base_.target_losses)

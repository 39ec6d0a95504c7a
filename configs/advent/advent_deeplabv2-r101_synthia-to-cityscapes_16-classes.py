# Paper row: ADVENT, ResNet-101, SYNTHIA -> Cityscapes: 47.6 (13 classes), the paper's figure;
#   40.8 over the 16 classes, ADVENT's figure.
# Mirrors: ADVENT, advent/domain_adaptation/train_UDA.py (train_advent), with the 16 classes of
#   its authors' DADA (dada/dataset/synthia.py, info16class.json).
# Deviations: both outputs are aligned, as on GTA5; DADA's settings align the main one alone.
_base_ = [
    '../_base_/models/deeplabv2_r101.py',
    '../_base_/datasets/synthia_to_cityscapes_16_classes.py',
    '../_base_/schedules/advent_90k_r101.py',
    '../_base_/uda/advent.py',
    '../_base_/default_runtime.py',
]
model = dict(heads=dict(global_head=_base_.global_head))

# Paper row: ADVENT + ours, ResNet-101, GTA5 -> Cityscapes: 46.4, the paper's figure.
# Mirrors: ADVENT, advent/domain_adaptation/train_UDA.py (train_advent);
#   local step: the release of the paper (an ADVENT fork).
# Deviations: mixture module and joint second phase are this library's reading of the paper; those
#   of all configs, see configs/README.md.
# Memory: not measured.
# Run: python tools/train.py configs/advent/advent-gl_deeplabv2-r101_gta5-to-cityscapes.py
_base_ = [
    './advent_deeplabv2-r101_gta5-to-cityscapes.py',
    '../_base_/uda/local_alignment.py',
]
# The released code aligns entropy maps locally as well.
model = dict(heads=dict(local_head=dict(_base_.local_head, representation='entropy')))

# Paper row: ADVENT + ours, ResNet-101, SYNTHIA -> Cityscapes: 48.3 (13 classes), the paper's
#   figure.
# Mirrors: ADVENT, advent/domain_adaptation/train_UDA.py (train_advent);
#   local step: the release of the paper (an ADVENT fork).
# Deviations: 19 outputs instead of 16 (see _16-classes); mixture module and joint second phase are
#   this library's reading of the paper; those of all configs, see configs/README.md.
# Memory: not measured.
# Run: python tools/train.py configs/advent/advent-gl_deeplabv2-r101_synthia-to-cityscapes.py
_base_ = [
    './advent_deeplabv2-r101_synthia-to-cityscapes.py',
    '../_base_/uda/local_alignment.py',
]
# The released code aligns entropy maps locally as well.
model = dict(heads=dict(local_head=dict(_base_.local_head, representation='entropy')))

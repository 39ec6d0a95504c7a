# Paper row: none of the table; advent-gl, VGG-16, SYNTHIA -> Cityscapes.
# Mirrors: ADVENT, advent/domain_adaptation/train_UDA.py (train_advent);
#   local step: the release of the paper (an ADVENT fork).
# Deviations: not in the public code, ResNet-101 hyperparameters, no class-ratio prior; mixture
#   module and joint second phase are this library's reading of the paper; those of all configs,
#   see configs/README.md.
# Memory: not measured.
# Run: python tools/train.py configs/advent/advent-gl_deeplabv2-vgg16_synthia-to-cityscapes.py
_base_ = [
    './advent_deeplabv2-vgg16_synthia-to-cityscapes.py',
    '../_base_/uda/local_alignment_single_level.py',
]
# The released code aligns entropy maps locally as well.
model = dict(heads=dict(local_head=dict(_base_.local_head, representation='entropy')))

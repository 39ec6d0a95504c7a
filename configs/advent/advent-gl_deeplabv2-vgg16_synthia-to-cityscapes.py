# Paper row: none of the table; advent-gl, VGG-16, SYNTHIA -> Cityscapes.
_base_ = [
    './advent_deeplabv2-vgg16_synthia-to-cityscapes.py',
    '../_base_/uda/local_alignment_single_level.py',
]
# The released code aligns entropy maps locally as well.
model = dict(heads=dict(local_head=dict(_base_.local_head, representation='entropy')))

_base_ = [
    './advent_deeplabv2-r101_synthia-to-cityscapes.py',
    '../_base_/uda/local_alignment.py',
]
# The released code aligns entropy maps locally as well.
model = dict(local_head=dict(_base_.local_head, representation='entropy'))

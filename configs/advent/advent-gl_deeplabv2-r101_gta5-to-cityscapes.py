# Paper row: ADVENT + ours, ResNet-101, GTA5 -> Cityscapes: 46.4, the paper's figure.
_base_ = [
    './advent_deeplabv2-r101_gta5-to-cityscapes.py',
    '../_base_/uda/local_alignment.py',
]
# The released code aligns entropy maps locally as well.
model = dict(heads=dict(local_head=dict(_base_.local_head, representation='entropy')))

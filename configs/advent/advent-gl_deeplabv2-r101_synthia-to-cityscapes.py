# Paper row: ADVENT + ours, ResNet-101, SYNTHIA -> Cityscapes: 48.3 (13 classes), the paper's
#   figure.
_base_ = [
    './advent_deeplabv2-r101_synthia-to-cityscapes.py',
    '../_base_/uda/local_alignment.py',
]
# The released code aligns entropy maps locally as well.
model = dict(heads=dict(local_head=dict(_base_.local_head, representation='entropy')))

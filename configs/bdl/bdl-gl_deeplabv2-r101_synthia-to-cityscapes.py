# Paper row: BDL M2(2)(F(2)) + ours, ResNet-101, SYNTHIA -> Cityscapes: 52.5 (13 classes), the
#   paper's figure.
_base_ = [
    './bdl_deeplabv2-r101_synthia-to-cityscapes.py',
    '../_base_/uda/local_alignment_single_level.py',
]
model = dict(heads=dict(local_head=_base_.local_head))

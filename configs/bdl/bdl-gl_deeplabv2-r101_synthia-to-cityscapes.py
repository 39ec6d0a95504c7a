_base_ = [
    './bdl_deeplabv2-r101_synthia-to-cityscapes.py',
    '../_base_/uda/local_alignment_single_level.py',
]
model = dict(local_head=_base_.local_head)

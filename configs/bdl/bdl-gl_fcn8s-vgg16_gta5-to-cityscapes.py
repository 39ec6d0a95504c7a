_base_ = [
    './bdl_fcn8s-vgg16_gta5-to-cityscapes.py',
    '../_base_/uda/local_alignment_single_level.py',
]
model = dict(local_head=_base_.local_head)

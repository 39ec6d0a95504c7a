# Paper row: BDL M2(2)(F(2)) + ours, ResNet-101, GTA5 -> Cityscapes: 49.4, the paper's figure.
_base_ = [
    './bdl_deeplabv2-r101_gta5-to-cityscapes.py',
    '../_base_/uda/local_alignment_single_level.py',
]
model = dict(heads=dict(local_head=_base_.local_head))

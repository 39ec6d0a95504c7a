# Paper row: AdaptSegNet + ours, ResNet-101, GTA5 -> Cityscapes: 45.2, the paper's figure.
_base_ = [
    './adaptsegnet_deeplabv2-r101_gta5-to-cityscapes.py',
    '../_base_/uda/local_alignment.py',
]
model = dict(heads=dict(local_head=_base_.local_head))

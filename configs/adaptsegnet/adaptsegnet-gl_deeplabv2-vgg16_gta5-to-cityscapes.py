# Paper row: AdaptSegNet + ours, VGG-16, GTA5 -> Cityscapes: 36.8, the paper's figure.
_base_ = [
    './adaptsegnet_deeplabv2-vgg16_gta5-to-cityscapes.py',
    '../_base_/uda/local_alignment_single_level.py',
]
model = dict(heads=dict(local_head=_base_.local_head))

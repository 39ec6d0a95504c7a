# Paper row: AdaptSegNet + ours, ResNet-101, SYNTHIA -> Cityscapes: 46.9 (13 classes), the paper's
#   figure.
_base_ = [
    './adaptsegnet_deeplabv2-r101_synthia-to-cityscapes.py',
    '../_base_/uda/local_alignment.py',
]
model = dict(heads=dict(local_head=_base_.local_head))

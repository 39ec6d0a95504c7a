# Paper row: AdaptSegNet + ours, VGG-16, SYNTHIA -> Cityscapes: 38.9 (13 classes), the paper's
#   figure.
_base_ = [
    './adaptsegnet_deeplabv2-vgg16_synthia-to-cityscapes.py',
    '../_base_/uda/local_alignment_single_level.py',
]
model = dict(heads=dict(local_head=_base_.local_head))

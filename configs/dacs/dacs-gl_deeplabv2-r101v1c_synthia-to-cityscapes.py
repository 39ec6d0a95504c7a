# DACS + local alignment, ResNet-101, SYNTHIA -> Cityscapes.
_base_ = [
    './dacs_deeplabv2-r101v1c_synthia-to-cityscapes.py',
    '../_base_/uda/local_alignment_single_level.py',
]
model = dict(heads=dict(local_head=_base_.local_head))

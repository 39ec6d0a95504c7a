# MIC on DAFormer + local alignment, MiT-B5, SYNTHIA -> Cityscapes.
_base_ = [
    './mic_daformer-mitb5_synthia-to-cityscapes.py',
    '../_base_/uda/local_alignment_single_level.py',
]
model = dict(heads=dict(local_head=_base_.local_head))

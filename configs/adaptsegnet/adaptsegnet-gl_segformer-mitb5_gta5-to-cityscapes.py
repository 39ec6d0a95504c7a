# Paper row: none; AdaptSegNet + local alignment on a transformer.
_base_ = [
    './adaptsegnet_segformer-mitb5_gta5-to-cityscapes.py',
    '../_base_/uda/local_alignment_single_level.py',
]
model = dict(heads=dict(local_head=_base_.local_head))

# AdaptSegNet + local alignment, MiT-B5 of DAFormer, GTA5 -> Cityscapes.
_base_ = [
    './adaptsegnet_daformer-mitb5_gta5-to-cityscapes.py',
    '../_base_/uda/local_alignment_single_level.py',
]
model = dict(heads=dict(local_head=_base_.local_head))

# Paper row: none; AdaptSegNet + local alignment on a transformer.
# Mirrors: AdaptSegNet, single-level, with the network and optimiser of SegFormer.
# Deviations: 40 000 iterations, warm-up for the discriminator too; mixture module and joint second
#   phase are this library's reading of the paper; those of all configs, see configs/README.md.
# Memory: not measured.
# Run: python tools/train.py configs/adaptsegnet/adaptsegnet-gl_segformer-mitb5_gta5-to-cityscapes.py
_base_ = [
    './adaptsegnet_segformer-mitb5_gta5-to-cityscapes.py',
    '../_base_/uda/local_alignment_single_level.py',
]
model = dict(heads=dict(local_head=_base_.local_head))

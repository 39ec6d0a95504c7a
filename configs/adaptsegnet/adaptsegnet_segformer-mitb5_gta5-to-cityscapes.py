# Paper row: none; AdaptSegNet on a transformer.
# Mirrors: AdaptSegNet, single-level, with the network and optimiser of SegFormer.
# Deviations: 40 000 iterations, warm-up for the discriminator too.
_base_ = [
    '../_base_/models/segformer_mitb5.py',
    '../_base_/datasets/gta5_to_cityscapes.py',
    '../_base_/schedules/adamw_40k.py',
    '../_base_/uda/adaptsegnet_single_level.py',
    '../_base_/default_runtime.py',
]
model = dict(heads=dict(global_head=_base_.global_head))

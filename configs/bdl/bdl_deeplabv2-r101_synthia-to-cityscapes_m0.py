# Paper row: none of the table; the first stage of BDL, ResNet-101, SYNTHIA -> Cityscapes.
# Mirrors: BDL, BDL.py.
# Deviations: stops at 80 000 iterations, not 100 later.
# BDL M0: on translated images, without pseudo labels.
_base_ = [
    '../_base_/models/deeplabv2_r101.py',
    '../_base_/datasets/synthia_translated_to_cityscapes.py',
    '../_base_/schedules/bdl_80k_r101.py',
    '../_base_/uda/adaptsegnet_single_level.py',
    '../_base_/default_runtime.py',
]
model = dict(
    segmentor=dict(auxiliary_head=None, test_cfg=dict(upsample='probabilities')),
    heads=dict(global_head=_base_.global_head),
)

# Paper row: BDL M2(2)(F(2)), ResNet-101, GTA5 -> Cityscapes: 48.5, the paper's figure.
# Mirrors: BDL, BDL.py.
# Deviations: stops at 120 000 iterations, not 100 later.
# BDL M1 and M2: on translated images, with the pseudo labels of the model before.
_base_ = [
    '../_base_/models/deeplabv2_r101.py',
    '../_base_/datasets/gta5_translated_to_cityscapes_pseudo_labels.py',
    '../_base_/schedules/bdl_120k_r101.py',
    '../_base_/uda/adaptsegnet_single_level.py',
    '../_base_/uda/pseudo_labels.py',
    '../_base_/default_runtime.py',
]
model = dict(
    segmentor=dict(auxiliary_head=None, test_cfg=dict(upsample='probabilities')),
    heads=dict(global_head=_base_.global_head),
    target_losses=_base_.target_losses,
)

# BDL M1 and M2: on translated images, with the pseudo labels of the model before.
_base_ = [
    '../_base_/models/deeplabv2_tiny.py',
    '../_base_/datasets/street_scenes_translated_pseudo_labels.py',
    '../_base_/schedules/street_scenes_bdl.py',
    '../_base_/uda/adaptsegnet_street_scenes.py',
    '../_base_/uda/pseudo_labels.py',
    '../_base_/default_runtime.py',
]
model = dict(heads=dict(global_head=_base_.global_head), target_losses=_base_.target_losses)
load_from = 'work_dirs/source-only_deeplabv2-tiny_street-scenes/iter_1200.pth'

# BDL M0: on translated images, without pseudo labels, from the source-only network.
_base_ = [
    '../_base_/models/deeplabv2_tiny.py',
    '../_base_/datasets/street_scenes_translated.py',
    '../_base_/schedules/street_scenes_bdl.py',
    '../_base_/uda/adaptsegnet_street_scenes.py',
    '../_base_/default_runtime.py',
]
model = dict(heads=dict(global_head=_base_.global_head))
load_from = 'work_dirs/source-only_deeplabv2-tiny_street-scenes/iter_1200.pth'

# On DACS's network: batch norm, whose running statistics mix both domains here.
_base_ = [
    '../../_base_/models/deeplabv2_tiny_bn.py',
    '../../_base_/datasets/street_scenes.py',
    '../../_base_/schedules/street_scenes.py',
    '../../_base_/uda/adaptsegnet_street_scenes.py',
    '../../_base_/default_runtime.py',
]
model = dict(heads=dict(global_head=_base_.global_head), evaluated='segmentor')

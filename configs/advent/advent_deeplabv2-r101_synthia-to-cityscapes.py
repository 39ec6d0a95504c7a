_base_ = [
    '../_base_/models/deeplabv2_r101.py',
    '../_base_/datasets/synthia_to_cityscapes.py',
    '../_base_/schedules/poly_250k_r101.py',
    '../_base_/uda/advent.py',
    '../_base_/default_runtime.py',
]
model = dict(global_head=_base_.global_head)
# ADVENT on SYNTHIA: 90 000 iterations, and the poly schedule ends there.
train_cfg = dict(max_iters=90_000, val_interval=2_000)
default_hooks = dict(checkpoint=dict(interval=2_000))
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=90_001, by_epoch=False),
]

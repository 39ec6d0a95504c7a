# ADVENT on SYNTHIA: 90 000 iterations, and the poly schedule ends there.
_base_ = './poly_250k.py'
train_cfg = dict(max_iters=90_000, val_interval=2_000)
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=90_001, by_epoch=False),
]
default_hooks = dict(checkpoint=dict(interval=2_000))

# BDL on ResNet-101: the schedule of 250 000 iterations, stopped at 120 000 (with pseudo labels).
_base_ = './poly_250k_r101.py'
train_cfg = dict(max_iters=120_000, val_interval=10_000)
default_hooks = dict(checkpoint=dict(interval=10_000))

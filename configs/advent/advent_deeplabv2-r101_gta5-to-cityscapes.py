_base_ = [
    '../_base_/models/deeplabv2_r101.py',
    '../_base_/datasets/gta5_to_cityscapes.py',
    '../_base_/schedules/poly_250k_r101.py',
    '../_base_/uda/advent.py',
    '../_base_/default_runtime.py',
]
model = dict(global_head=_base_.global_head)
train_cfg = dict(max_iters=120_000, val_interval=2_000)  # ADVENT on GTA5
default_hooks = dict(checkpoint=dict(interval=2_000))

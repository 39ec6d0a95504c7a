# SYNTHIA's epochs: 9 400 images in batches of 4 are 2 350 iterations.
_base_ = './cyclegan_gta5.py'
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1.0,
        end_factor=0.0,
        begin=23_500,
        end=47_001,
        by_epoch=False,
    ),
]
train_cfg = dict(max_iters=47_000)
default_hooks = dict(checkpoint=dict(interval=2_350))

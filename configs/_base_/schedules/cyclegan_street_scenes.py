# Street scenes: small networks from scratch in a few minutes, so at a larger rate.
_base_ = './cyclegan_gta5.py'
optim_wrapper = dict(
    generators=dict(optimizer=dict(lr=1e-3)),
    discriminators=dict(optimizer=dict(lr=1e-3)),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1.0, end_factor=0.0, begin=250, end=501, by_epoch=False),
]
train_cfg = dict(max_iters=500)
default_hooks = dict(checkpoint=dict(interval=250))

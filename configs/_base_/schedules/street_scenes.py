# Street scenes: a network that starts from scratch, in minutes.
_base_ = './poly_250k.py'
optim_wrapper = dict(
    segmentor=dict(
        optimizer=dict(
            _delete_=True,
            type='SGD',
            lr=0.02,
            momentum=0.9,
            weight_decay=5e-4,
        ),
    ),
    heads=dict(optimizer=dict(lr=5e-4)),
)
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=1_201, by_epoch=False),
]
train_cfg = dict(max_iters=1_200, val_interval=200)
default_hooks = dict(checkpoint=dict(interval=200))

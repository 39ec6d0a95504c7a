# BDL on FCN-8s: Adam, a tenth of the rate every 50 000 iterations (BDL.py, --model VGG).
_base_ = './poly_250k.py'
optim_wrapper = dict(
    segmentor=dict(
        optimizer=dict(
            _delete_=True,
            type='Adam',
            lr=1e-5,  # the paper's (BDL issue 26); the code's default is 2.5e-4
            betas=(0.9, 0.99),
        ),
        paramwise_cfg=dict(bias_lr_mult=2.0),
    ),
    heads=dict(optimizer=dict(lr=1e-6)),  # the paper's; the code's default is 1e-4
)
param_scheduler = [
    dict(type='StepLR', step_size=50_000, gamma=0.1, by_epoch=False),
]
train_cfg = dict(max_iters=80_000, val_interval=10_000)  # without pseudo labels
default_hooks = dict(checkpoint=dict(interval=10_000))

# SegFormer's optimisation over 40 000 iterations, as HRDA and MIC train transformers: AdamW with
# linear warm-up and linear decay.
_base_ = './poly_250k.py'
optim_wrapper = dict(
    segmentor=dict(
        optimizer=dict(
            _delete_=True,
            type='AdamW',
            lr=6e-5,
            betas=(0.9, 0.999),
            weight_decay=0.01,
        ),
        paramwise_cfg=dict(
            custom_keys={
                'head': dict(lr_mult=10.0),  # every head, its batch norm too
                # No weight decay for layer norms; those that end a stage have no "norm" in their
                # names.
                'norm': dict(decay_mult=0.0),
                'backbone.layers.0.2.': dict(decay_mult=0.0),
                'backbone.layers.1.2.': dict(decay_mult=0.0),
                'backbone.layers.2.2.': dict(decay_mult=0.0),
                'backbone.layers.3.2.': dict(decay_mult=0.0),
            },
        ),
    ),
)
# lr * (1 - i / 40 000) at iteration i, times 1e-6 to 1 over the first 1500.
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, begin=0, end=1_501, by_epoch=False),
    dict(type='PolyLR', power=1.0, eta_min=0.0, begin=0, end=40_001, by_epoch=False),
]
train_cfg = dict(max_iters=40_000, val_interval=4_000)
default_hooks = dict(checkpoint=dict(interval=4_000))

# CycleGAN's optimisation: one Adam for both generators, one for both discriminators, 10 epochs at
# the full rate and 10 down to 0 (BDL cyclegan/readme.md: niter 10, niter_decay 10). An epoch is as
# many images as the larger domain has: GTA5's 24 966 in batches of 4, 6 242 iterations.
adam = dict(type='Adam', lr=2e-4, betas=(0.5, 0.999))
optim_wrapper = dict(
    constructor='MultiOptimWrapperConstructor',
    generators=dict(optimizer=adam),
    discriminators=dict(optimizer=adam),
)
# Linear over the iterations (CycleGAN: in steps, once an epoch). The end is one more than
# max_iters because the scheduler counts to end - 1.
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1.0,
        end_factor=0.0,
        begin=62_420,
        end=124_841,
        by_epoch=False,
    ),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=124_840)
default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(
        type='SafeCheckpointHook',
        interval=6_242,
        max_keep_ckpts=2,  # each holds the pools too
    ),
    interruption=dict(type='InterruptionHook'),
    random_state=dict(type='RandomStateHook'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    nonfinite_loss=dict(type='NonfiniteLossHook'),
    bad_images=dict(type='BadImageHook'),
)

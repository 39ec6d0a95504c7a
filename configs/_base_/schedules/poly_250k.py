# The official optimisation: SGD for the segmentor, Adam for the discriminators, one poly schedule
# over 250 000 iterations for all of them, stopped early (AdaptSegNet: 150 000).
optim_wrapper = dict(
    constructor='MultiOptimWrapperConstructor',
    segmentor=dict(
        optimizer=dict(
            type='RepeatedSGD',
            lr=2.5e-4,
            momentum=0.9,
            weight_decay=5e-4,
            # The published numbers were made with PyTorch 0.2 to 1.4; see RepeatedSGD.
            semantics='papers',
        ),
    ),
    heads=dict(optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.99))),
)
# What the *_r101 schedules add: the official parameter groups of ResNet-101.
r101_parameter_groups = dict(
    custom_keys={
        # The official optimizer lists each convolution of layer1..4 three times and the
        # downsample ones four times; see RepeatedSGD.
        'layer': dict(repeats=3),
        'downsample': dict(repeats=4),
        # New layers learn ten times faster.
        'decode_head': dict(lr_mult=10.0),
        'auxiliary_head': dict(lr_mult=10.0),
    },
)
# lr * (1 - i / 250 000) ** 0.9 at iteration i; 250 001 because PolyLR counts to end - 1.
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=250_001, by_epoch=False),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=150_000, val_interval=5_000)
default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(
        type='SafeCheckpointHook',
        interval=5_000,  # AdaptSegNet
        max_keep_ckpts=3,
        save_best='mIoU',
    ),
    due_validation=dict(type='DueValidationHook'),
    interruption=dict(type='InterruptionHook'),
    random_state=dict(type='RandomStateHook'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    alignment_monitor=dict(type='AlignmentMonitorHook'),
    target_monitor=dict(type='TargetMonitorHook'),
    nonfinite_loss=dict(type='NonfiniteLossHook'),
    bad_images=dict(type='BadImageHook'),
    ignored_labels=dict(type='IgnoredLabelsHook'),
    visualization=dict(type='UDAVisualizationHook'),
)

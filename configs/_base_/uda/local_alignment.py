# Joint global-local alignment, step 2: add this file to the `_base_` list of a config of your own
# and write `model = dict(heads=dict(local_head=_base_.local_head))`. The first half of the run is the
# baseline's, the second half aligns locally as well; the number of iterations stays the baseline's.
# Mixture module and joint second phase are this library's reading of the paper; see configs/README.md.
local_head = dict(
    type='LocalDiscriminatorHead',
    num_classes=19,
    representation='softmax',
    gan='bce',
    background='replace',  # the paper's mixture module; 'keep' did better in docs/mixture.md
    # The released code gives its pixel-wise discriminators the weights of the global ones.
    loss_weights=dict(decode=1e-3, auxiliary=2e-4),
)
custom_hooks = [
    dict(type='TwoPhaseHook', begin=0.5, phases=[(), ('local_head',)]),  # the rest: always active
]

# Joint global-local alignment, step 2: add this file to the `_base_` list of a config of your own
# and write `model = dict(local_head=_base_.local_head)`. The first half of the run aligns globally,
# the second half globally and locally; the number of iterations stays the baseline's.
local_head = dict(
    type='LocalDiscriminatorHead',
    num_classes=19,
    representation='softmax',
    gan='bce',
    background='replace',  # the mixture module's treatment of the source's unlabelled pixels
    # The released code gives its pixel-wise discriminators the weights of the global ones.
    loss_weights=dict(decode=1e-3, auxiliary=2e-4),
)
custom_hooks = [
    dict(type='TwoPhaseHook', begin=0.5, phases=[('global',), ('global', 'local')]),
]

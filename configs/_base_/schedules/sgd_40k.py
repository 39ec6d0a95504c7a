# The optimisation of adversarial networks in HRDA's and MIC's code: SGD with one rate for all layers,
# and the schedule of adamw_40k.
_base_ = './adamw_40k.py'
optim_wrapper = dict(
    segmentor=dict(
        optimizer=dict(
            _delete_=True,
            type='SGD',
            lr=2.5e-3,
            momentum=0.9,
            weight_decay=5e-4,
        ),
        paramwise_cfg=None,
    ),
)

# MinEnt: direct entropy minimisation on both of the target's outputs
# (advent/domain_adaptation/train_UDA.py, train_minent).
target_losses = dict(
    entropy=dict(
        type='EntropyLoss',
        loss_weights=dict(
            decode=1e-3,  # LAMBDA_ENT_MAIN
            auxiliary=2e-4,  # LAMBDA_ENT_AUX
        ),
    ),
)

# ADVENT (AdvEnt): global alignment of the entropy maps (weighted self-information) of both outputs
# (advent/domain_adaptation/train_UDA.py, train_advent).
global_head = dict(
    type='GlobalDiscriminatorHead',
    num_classes=19,
    representation='entropy',
    gan='bce',
    loss_weights=dict(
        decode=1e-3,  # LAMBDA_ADV_MAIN
        auxiliary=2e-4,  # LAMBDA_ADV_AUX
    ),
)

# AdaptSegNet, single-level: global alignment of the main output's softmax maps.
global_head = dict(
    type='GlobalDiscriminatorHead',
    num_classes=19,
    representation='softmax',
    gan='bce',
    loss_weights=dict(decode=1e-3),  # lambda_adv_target2
)

# AdaptSegNet, multi-level: global alignment of the softmax maps of both outputs
# (pytorch_0.4/train_gta2cityscapes_multi.py).
global_head = dict(
    type='GlobalDiscriminatorHead',
    num_classes=19,
    representation='softmax',
    gan='bce',
    loss_weights=dict(
        decode=1e-3,  # lambda_adv_target2
        auxiliary=2e-4,  # lambda_adv_target1
    ),
)

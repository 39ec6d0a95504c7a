# Paper row: ADVENT + ours, ResNet-101, GTA5 -> Cityscapes, sequential: 46.4, the paper's figure.
# Mirrors: the release of the paper (an ADVENT fork), train_UDA.py (train_advent) and
#   advent_global_local.yml.
# Deviations: 1 + 1 images (the release leaves the batch size open and hints at 16 on four GPUs).
# The order of the released code: a run of its own with the local discriminators alone, from the
# weights of a finished one.
_base_ = [
    './advent_deeplabv2-r101_gta5-to-cityscapes_half-resolution.py',
    '../_base_/uda/local_alignment.py',
]
model = dict(
    heads=dict(
        _delete_=True,
        local_head=dict(_base_.local_head, representation='entropy', background='keep'),
    ),
)
custom_hooks = []  # one phase
required_options = dict(
    load_from='a checkpoint of advent_deeplabv2-r101_gta5-to-cityscapes_half-resolution'
)

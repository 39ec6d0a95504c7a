# Paper row: ADVENT + ours, ResNet-101, SYNTHIA -> Cityscapes, sequential: 48.3 (13 classes), the
#   paper's figure.
# Mirrors: the release of the paper (an ADVENT fork), train_UDA.py (train_advent).
# Deviations: 19 outputs instead of 16 (see _16-classes); full input size; the release has no
#   SYNTHIA.
# The order of the released code: a run of its own with the local discriminators alone, from the
# weights of a finished one.
_base_ = [
    './advent_deeplabv2-r101_synthia-to-cityscapes.py',
    '../_base_/uda/local_alignment.py',
]
model = dict(
    heads=dict(
        _delete_=True,
        local_head=dict(_base_.local_head, representation='entropy', background='keep'),
    ),
)
custom_hooks = []  # one phase
required_options = dict(load_from='a checkpoint of advent_deeplabv2-r101_synthia-to-cityscapes')

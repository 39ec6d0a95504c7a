# Paper row: BDL + ours, VGG-16 (FCN-8s), GTA5 -> Cityscapes: 43.5, the paper's figure.
_base_ = [
    './bdl_fcn8s-vgg16_gta5-to-cityscapes.py',
    '../_base_/uda/local_alignment_single_level.py',
]
model = dict(heads=dict(local_head=_base_.local_head))
optim_wrapper = dict(local_head=dict(optimizer=dict(lr=1e-4)))  # the release's

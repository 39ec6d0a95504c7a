# Paper row: AdaptSegNet + ours, ResNet-101, GTA5 -> Cityscapes: 45.2, the paper's figure.
# Mirrors: AdaptSegNet, pytorch_0.4/train_gta2cityscapes_multi.py with deeplab_multi.py;
#   local step: the release of the paper (an ADVENT fork).
# Deviations: mixture module and joint second phase are this library's reading of the paper; those
#   of all configs, see configs/README.md.
# Memory: not measured.
# Run: python tools/train.py configs/adaptsegnet/adaptsegnet-gl_deeplabv2-r101_gta5-to-cityscapes.py
_base_ = [
    './adaptsegnet_deeplabv2-r101_gta5-to-cityscapes.py',
    '../_base_/uda/local_alignment.py',
]
model = dict(heads=dict(local_head=_base_.local_head))

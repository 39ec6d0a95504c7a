# Paper row: AdaptSegNet + ours, VGG-16, SYNTHIA -> Cityscapes: 38.9 (13 classes), the paper's
#   figure.
# Mirrors: AdaptSegNet, pytorch_0.4/train_gta2cityscapes_multi.py with deeplab_vgg.py;
#   local step: the release of the paper (an ADVENT fork).
# Deviations: no official script for it, ResNet-101 hyperparameters; mixture module and joint
#   second phase are this library's reading of the paper; those of all configs, see
#   configs/README.md.
# Memory: not measured.
# Run: python tools/train.py configs/adaptsegnet/adaptsegnet-gl_deeplabv2-vgg16_synthia-to-cityscapes.py
_base_ = [
    './adaptsegnet_deeplabv2-vgg16_synthia-to-cityscapes.py',
    '../_base_/uda/local_alignment_single_level.py',
]
model = dict(heads=dict(local_head=_base_.local_head))

# Paper row: AdaptSegNet, VGG-16, SYNTHIA -> Cityscapes: 37.6 (13 classes), the paper's figure.
# Mirrors: AdaptSegNet, pytorch_0.4/train_gta2cityscapes_multi.py with deeplab_vgg.py.
# Deviations: no official script for it, ResNet-101 hyperparameters.
_base_ = [
    '../_base_/models/deeplabv2_vgg16_two_branches.py',
    '../_base_/datasets/synthia_to_cityscapes.py',
    '../_base_/schedules/poly_250k.py',
    '../_base_/uda/adaptsegnet_single_level.py',
    '../_base_/default_runtime.py',
]
model = dict(heads=dict(global_head=_base_.global_head))

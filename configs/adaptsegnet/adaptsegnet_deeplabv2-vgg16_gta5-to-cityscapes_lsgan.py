_base_ = [
    '../_base_/models/deeplabv2_vgg16.py',
    '../_base_/datasets/gta5_to_cityscapes.py',
    '../_base_/schedules/poly_250k.py',
    '../_base_/uda/adaptsegnet_lsgan.py',
    '../_base_/default_runtime.py',
]
model = dict(global_head=_base_.global_head)

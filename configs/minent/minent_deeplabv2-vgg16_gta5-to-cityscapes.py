_base_ = [
    '../_base_/models/deeplabv2_vgg16.py',
    '../_base_/datasets/gta5_to_cityscapes.py',
    '../_base_/schedules/poly_250k.py',
    '../_base_/uda/minent_single_level.py',
    '../_base_/default_runtime.py',
]
model = dict(target_losses=_base_.target_losses)
train_cfg = dict(max_iters=120_000, val_interval=2_000)  # ADVENT on GTA5
default_hooks = dict(checkpoint=dict(interval=2_000))

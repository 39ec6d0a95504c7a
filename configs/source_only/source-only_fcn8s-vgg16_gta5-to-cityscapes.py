# Paper row: none of the table; source-only, VGG-16 (FCN-8s), GTA5 -> Cityscapes.
# Mirrors: none; BDL's FCN-8s starts from weights trained on the synthetic images, a download.
_base_ = [
    '../_base_/models/fcn8s_vgg16.py',
    '../_base_/datasets/gta5_to_cityscapes.py',
    '../_base_/schedules/bdl_80k_fcn8s.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(dataset=dict(target=None))

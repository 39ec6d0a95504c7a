# BDL M1 and M2 of FCN-8s: on translated images, with the pseudo labels of the model before.
_base_ = [
    '../_base_/models/fcn8s_vgg16.py',
    '../_base_/datasets/gta5_translated_to_cityscapes_pseudo_labels.py',
    '../_base_/schedules/bdl_120k_fcn8s.py',
    '../_base_/uda/bdl_fcn8s.py',
    '../_base_/uda/pseudo_labels.py',
    '../_base_/default_runtime.py',
]
model = dict(
    global_head=_base_.global_head,
    target_losses=_base_.target_losses,
)
load_from = 'work_dirs/source-only_fcn8s-vgg16_gta5-to-cityscapes/NAME-THE-CHECKPOINT.pth'

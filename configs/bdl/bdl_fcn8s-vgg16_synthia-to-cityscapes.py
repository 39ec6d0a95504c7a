# Paper row: BDL, VGG-16 (FCN-8s), SYNTHIA -> Cityscapes: 46.1 (13 classes), the paper's figure.
# Mirrors: BDL, BDL.py --model VGG.
# Deviations: learning rates of the paper, not the code's defaults; stops at 120 000 iterations,
#   not 100 later.
# BDL M1 and M2 of FCN-8s: on translated images, with the pseudo labels of the model before.
_base_ = [
    '../_base_/models/fcn8s_vgg16.py',
    '../_base_/datasets/synthia_translated_to_cityscapes_pseudo_labels.py',
    '../_base_/schedules/bdl_120k_fcn8s.py',
    '../_base_/uda/bdl_fcn8s.py',
    '../_base_/uda/pseudo_labels.py',
    '../_base_/default_runtime.py',
]
model = dict(
    segmentor=dict(test_cfg=dict(upsample='probabilities')),
    heads=dict(global_head=_base_.global_head),
    target_losses=_base_.target_losses,
)
required_options = dict(load_from='a checkpoint of source-only_fcn8s-vgg16_synthia-to-cityscapes')

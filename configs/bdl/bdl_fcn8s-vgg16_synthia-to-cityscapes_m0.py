# Paper row: none of the table; the first stage of BDL, VGG-16 (FCN-8s), SYNTHIA -> Cityscapes.
# Mirrors: BDL, BDL.py --model VGG.
# Deviations: learning rates of the paper, not the code's defaults; stops at 80 000 iterations,
#   not 100 later.
# BDL M0 of FCN-8s: on translated images, without pseudo labels, from weights trained on the
# untranslated ones.
_base_ = [
    '../_base_/models/fcn8s_vgg16.py',
    '../_base_/datasets/synthia_translated_to_cityscapes.py',
    '../_base_/schedules/bdl_80k_fcn8s.py',
    '../_base_/uda/bdl_fcn8s.py',
    '../_base_/default_runtime.py',
]
model = dict(
    segmentor=dict(test_cfg=dict(upsample='probabilities')),
    heads=dict(global_head=_base_.global_head),
)
required_options = dict(load_from='a checkpoint of source-only_fcn8s-vgg16_synthia-to-cityscapes')

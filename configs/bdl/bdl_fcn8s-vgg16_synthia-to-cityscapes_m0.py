# Paper row: none of the table; the first stage of BDL, VGG-16 (FCN-8s), SYNTHIA -> Cityscapes.
# Mirrors: BDL, BDL.py --model VGG.
# Deviations: learning rates of the paper, not the code's defaults; stops at 80 000 iterations, not
#   100 later; those of all configs, see configs/README.md.
# Memory: not measured.
# Run: python tools/train.py configs/bdl/bdl_fcn8s-vgg16_synthia-to-cityscapes_m0.py
# BDL M0 of FCN-8s: on translated images, without pseudo labels, from weights trained on the
# untranslated ones: --cfg-options load_from=work_dirs/source-only_fcn8s-vgg16_.../....pth
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
load_from = 'work_dirs/source-only_fcn8s-vgg16_synthia-to-cityscapes/NAME-THE-CHECKPOINT.pth'

# Paper row: none of the table; source-only, VGG-16 (FCN-8s), GTA5 -> Cityscapes.
# Mirrors: none; the weights that BDL starts from are a download.
# Deviations: those of all configs, see configs/README.md.
# Memory: not measured.
# Run: python tools/train.py configs/source_only/source-only_fcn8s-vgg16_gta5-to-cityscapes.py
# The weights that BDL's FCN-8s starts from were trained on the synthetic images.
_base_ = [
    '../_base_/models/fcn8s_vgg16.py',
    '../_base_/datasets/gta5_to_cityscapes.py',
    '../_base_/schedules/bdl_80k_fcn8s.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(dataset=dict(target=None))

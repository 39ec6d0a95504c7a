# MIC on DAFormer, MiT-B5, GTA5 -> Cityscapes: 70.6, the paper's figure.
# Mirrors: MIC, seg/configs/mic.
_base_ = [
    '../_base_/models/daformer_mitb5.py',
    '../_base_/datasets/gta5_to_cityscapes_512x512.py',
    '../_base_/datasets/rare_class_sampling.py',
    '../_base_/schedules/adamw_40k.py',
    '../_base_/uda/mic.py',
    '../_base_/default_runtime.py',
]
model = dict(
    teacher=_base_.teacher,
    views=_base_.views,
    source_losses=_base_.source_losses,
)
train_dataloader = dict(dataset=dict(source_sampling=_base_.rare_class_sampling))

# HRDA, MiT-B5, GTA5 -> Cityscapes: 73.8, the paper's figure.
# Mirrors: HRDA, configs/hrda.
_base_ = [
    '../_base_/models/hrda_mitb5.py',
    '../_base_/datasets/gta5_to_cityscapes_1024x1024.py',
    '../_base_/datasets/rare_class_sampling_1024x1024.py',
    '../_base_/schedules/adamw_40k.py',
    '../_base_/uda/hrda.py',
    '../_base_/default_runtime.py',
]
model = dict(
    teacher=_base_.teacher,
    views=_base_.views,
    source_losses=_base_.source_losses,
)
train_dataloader = dict(dataset=dict(source_sampling=_base_.rare_class_sampling))

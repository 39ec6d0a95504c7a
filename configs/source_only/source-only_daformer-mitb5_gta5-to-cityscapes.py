# Source only, MiT-B5 of DAFormer, GTA5 -> Cityscapes.
# Mirrors: the source-only baseline of DAFormer.
_base_ = [
    '../_base_/models/daformer_mitb5.py',
    '../_base_/datasets/gta5_to_cityscapes_512x512.py',
    '../_base_/schedules/adamw_40k.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(dataset=dict(target=None))  # no target image is ever forwarded

_base_ = [
    '../_base_/models/efficientnet_lite0.py',
    '../_base_/datasets/camvid_day_to_dusk.py',
    '../_base_/schedules/photographs.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(dataset=dict(target=None))  # no target image is ever forwarded

_base_ = [
    '../_base_/models/efficientnet_lite0.py',
    '../_base_/datasets/street_scenes_to_camvid.py',
    '../_base_/schedules/photographs.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(dataset=dict(target=None))  # no target image is ever forwarded

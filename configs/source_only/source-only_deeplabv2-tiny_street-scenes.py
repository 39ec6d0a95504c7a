_base_ = [
    '../_base_/models/deeplabv2_tiny.py',
    '../_base_/datasets/street_scenes.py',
    '../_base_/schedules/street_scenes.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(dataset=dict(target=None))  # no target image is ever forwarded

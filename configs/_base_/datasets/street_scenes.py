# Street scenes at 192x96, written by tools/make_street_scenes.py: a game-like source in
# the GTA5 format, a camera-like target in the Cityscapes format.
_base_ = './cityscapes.py'
data_root = '{{$STREET_SCENES:data/street_scenes}}'  # the environment variable, or this default
source_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadTrainIds', ids='gta5'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
target_pipeline = [
    dict(type='LoadImage'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    # For other images than the benchmark's; does nothing at 192x96.
    dict(_base_.resize, scale=(192, 96)),
    dict(type='LoadTrainIds', ids='cityscapes'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=2,  # 2 source + 2 target images
    num_workers=0,  # the images are tiny
    persistent_workers=False,
    dataset=dict(
        source=dict(type='GTA5Dataset', data_root=data_root + '/GTA5', pipeline=source_pipeline),
        target=dict(data_root=data_root + '/cityscapes', pipeline=target_pipeline),
    ),
)
val_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(data_root=data_root + '/cityscapes', pipeline=test_pipeline),
)
test_dataloader = val_dataloader

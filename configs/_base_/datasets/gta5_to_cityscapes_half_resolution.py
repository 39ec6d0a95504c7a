# GTA5 -> Cityscapes at half the official input sizes, as in the release of global-local alignment
# (advent_global_local.yml): source 640x360, target and test input 512x256. The predictions are
# scored at the labels' own size, 2048x1024.
_base_ = './gta5_to_cityscapes.py'
source_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadTrainIds', ids='gta5'),
    dict(_base_.resize, scale=(640, 360)),
    dict(type='PackSegInputs'),
]
target_pipeline = [
    dict(type='LoadImage'),
    dict(_base_.resize, scale=(512, 256)),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(_base_.resize, scale=(512, 256)),
    dict(type='LoadTrainIds', ids='cityscapes'),  # after Resize: labels keep their size
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    dataset=dict(source=dict(pipeline=source_pipeline), target=dict(pipeline=target_pipeline)),
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

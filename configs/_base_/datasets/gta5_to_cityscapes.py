# GTA5 (24 966 labelled images) -> Cityscapes.
_base_ = './cityscapes.py'
source_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadTrainIds', ids='gta5'),
    dict(_base_.resize, scale=(1280, 720)),  # the official input size
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    dataset=dict(
        source=dict(type='GTA5Dataset', data_root='data/GTA5', pipeline=source_pipeline),
    ),
)

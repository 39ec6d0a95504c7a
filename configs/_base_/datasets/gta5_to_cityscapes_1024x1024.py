# GTA5 -> Cityscapes at the sizes of HRDA and MIC: crops of 1024x1024.
_base_ = './cityscapes_1024x1024.py'
source_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadTrainIds', ids='gta5'),
    dict(_base_.fit, scale=(2560, 1440)),  # 1914x1052 becomes 2560x1407
    # Drawn up to ten times more until a crop shows several classes, none on 75 % of its pixels.
    dict(type='RandomCrop', crop_size=1024, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    dataset=dict(
        source=dict(type='GTA5Dataset', data_root='data/GTA5', pipeline=source_pipeline),
    ),
)

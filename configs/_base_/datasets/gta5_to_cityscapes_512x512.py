# GTA5 -> Cityscapes at DAFormer's sizes: crops of 512x512.
_base_ = './cityscapes_512x512.py'
source_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadTrainIds', ids='gta5'),
    dict(_base_.fit, scale=(1280, 720)),  # 1914x1052 becomes 1280x704
    # Drawn up to ten times more until a crop shows several classes, none on 75 % of its pixels.
    dict(type='RandomCrop', crop_size=512, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    dataset=dict(
        source=dict(type='GTA5Dataset', data_root='data/GTA5', pipeline=source_pipeline),
    ),
)

# SYNTHIA -> Cityscapes at DAFormer's sizes: crops of 512x512.
_base_ = './cityscapes_512x512.py'
source_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadTrainIds', ids='synthia'),
    dict(_base_.fit, scale=(1280, 760)),  # its own size
    # Drawn up to ten times more until a crop shows several classes, none on 75 % of its pixels.
    dict(type='RandomCrop', crop_size=512, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    dataset=dict(
        source=dict(type='SYNTHIADataset', data_root='data/SYNTHIA', pipeline=source_pipeline),
    ),
)

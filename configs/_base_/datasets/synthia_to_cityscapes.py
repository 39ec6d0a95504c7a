# SYNTHIA-RAND-CITYSCAPES (9 400 labelled images) -> Cityscapes.
_base_ = './cityscapes.py'
source_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadTrainIds', ids='synthia'),
    dict(_base_.resize, scale=(1280, 760)),  # the official input size
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    dataset=dict(
        source=dict(type='SYNTHIADataset', data_root='data/SYNTHIA', pipeline=source_pipeline),
    ),
)

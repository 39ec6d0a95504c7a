# GTA5 (24 966 labelled images) and SYNTHIA-RAND-CITYSCAPES (9 400) together -> Cityscapes.
_base_ = './gta5_to_cityscapes.py'
synthia_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadTrainIds', ids='synthia'),
    dict(_base_.resize, scale=(1280, 760)),  # the official input size
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    dataset=dict(
        source=[
            _base_.train_dataloader.dataset.source,
            dict(type='SYNTHIADataset', data_root='data/SYNTHIA', pipeline=synthia_pipeline),
        ],
        source_weights=None,  # as often as each has images; [1, 1] draws both equally often
    ),
)

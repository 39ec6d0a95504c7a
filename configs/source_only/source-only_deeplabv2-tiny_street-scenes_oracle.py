# What supervision on the target would give: the labelled target training images as the source.
_base_ = './source-only_deeplabv2-tiny_street-scenes.py'
oracle_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadTrainIds', ids='cityscapes'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    dataset=dict(
        source=dict(
            _delete_=True,
            type='CityscapesDataset',
            data_root=_base_.data_root + '/cityscapes',
            data_prefix=dict(img_path='leftImg8bit/train', seg_map_path='gtFine/train'),
            seg_map_suffix='_gtFine_labelIds.png',
            pipeline=oracle_pipeline,
        ),
    ),
)

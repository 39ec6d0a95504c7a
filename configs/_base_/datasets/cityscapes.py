# Cityscapes: 2975 unlabelled training images as the target, 500 labelled ones for validation.
# Input 1024x512, no crop, no flip (AdaptSegNet, ADVENT, BDL). The predictions are scored at the
# labels' own size, 2048x1024.

# Of every domain: images PIL bicubic, labels nearest; the aspect ratio is not kept.
resize = dict(type='Resize', keep_ratio=False, backend='pillow', interpolation='bicubic')
target_pipeline = [
    dict(type='LoadImage'),  # no labels are loaded for the target
    dict(resize, scale=(1024, 512)),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(resize, scale=(1024, 512)),
    dict(type='LoadTrainIds', ids='cityscapes'),  # after Resize: labels keep their size
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=1,  # 1 source + 1 target image
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='UDASampler'),
    dataset=dict(
        type='UDADataset',
        target=dict(
            type='CityscapesDataset',
            data_root='data/cityscapes',
            data_prefix=dict(img_path='leftImg8bit/train'),
            pipeline=target_pipeline,
        ),
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CityscapesDataset',
        data_root='data/cityscapes',
        data_prefix=dict(img_path='leftImg8bit/val', seg_map_path='gtFine/val'),
        seg_map_suffix='_gtFine_labelIds.png',  # or labelTrainIds, whichever is there
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='UDAIoUMetric')
test_evaluator = val_evaluator
# Besides, 50 training images of each domain: scores that need no label of the target.
val_cfg = dict(type='UDAValLoop', num_images=50)
test_cfg = dict(type='TestLoop')

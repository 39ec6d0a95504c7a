# GTA5 and Cityscapes as unlabelled images, for the translation between them: width 1024, crops of
# 452x452, flips, batch 4 (BDL cyclegan/readme.md: scale_width_and_crop, loadSize 1024, fineSize
# 452, batchSize 4).
resize = dict(  # to width 1024, as the width is the longer side
    type='Resize',
    scale=(1024, 1024),
    keep_ratio=True,
    backend='pillow',
    interpolation='bicubic',
)
image_pipeline = [
    dict(type='LoadImage'),
    resize,
    dict(type='RandomCrop', crop_size=452),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=4,  # 4 source + 4 target images
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='UDASampler'),
    dataset=dict(
        type='UDADataset',
        source=dict(type='GTA5Dataset', data_root='data/GTA5', pipeline=image_pipeline),
        target=dict(
            type='CityscapesDataset',
            data_root='data/cityscapes',
            data_prefix=dict(img_path='leftImg8bit/train'),
            pipeline=image_pipeline,
        ),
    ),
)
# What tools/translate.py translates: whole images, of width 1024 (BDL issue #17).
translation_dataset = dict(
    type='GTA5Dataset',
    data_root='data/GTA5',
    pipeline=[dict(type='LoadImage'), resize, dict(type='PackSegInputs')],
)

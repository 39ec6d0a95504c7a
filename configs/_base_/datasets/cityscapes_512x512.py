# Cityscapes as the target of DAFormer, at half its size: crops of 512x512 of 1024x512, flips, two
# images of each domain.
# Validation: the whole image at 1024x512, scored at the labels' own size, 2048x1024.
_base_ = './cityscapes.py'
# OpenCV, bilinear; labels and masks nearest. Images fit inside the scale and keep their aspect ratio.
fit = dict(type='Resize', keep_ratio=True)
target_pipeline = [
    dict(type='LoadImage'),  # no labels are loaded for the target
    dict(fit, scale=(1024, 512)),
    dict(type='RandomCrop', crop_size=512),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(fit, scale=(1024, 512)),
    dict(type='LoadTrainIds', ids='cityscapes'),  # after Resize: labels keep their size
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=2,  # 2 source + 2 target images
    dataset=dict(target=dict(pipeline=target_pipeline)),
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

# Cityscapes as the target of HRDA and MIC, at its full size: crops of 1024x1024 of 2048x1024, and
# no pseudo labels at the margins. Validation at 2048x1024.
_base_ = './cityscapes_512x512.py'
target_pipeline = [
    dict(type='LoadImage'),
    # HRDA's margins, in pixels at 2048x1024.
    dict(type='PseudoLabelMargins', top=30, bottom=240, left=30, right=30),
    dict(_base_.fit, scale=(2048, 1024)),
    dict(type='RandomCrop', crop_size=1024),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackMaskedInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(_base_.fit, scale=(2048, 1024)),
    dict(type='LoadTrainIds', ids='cityscapes'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(dataset=dict(target=dict(pipeline=target_pipeline)))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

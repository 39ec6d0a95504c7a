# The street scenes' source and target as unlabelled images, for the translation between them.
_base_ = './gta5_and_cityscapes_images.py'
data_root = '{{$STREET_SCENES:data/street_scenes}}'  # the environment variable, or this default
image_pipeline = [
    dict(type='LoadImage'),
    # The whole height: instance norm over a crop that shows only road would remove its colour.
    dict(type='RandomCrop', crop_size=96),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=2,  # 2 source + 2 target images
    num_workers=0,  # the images are tiny
    persistent_workers=False,
    dataset=dict(
        source=dict(data_root=data_root + '/GTA5', pipeline=image_pipeline),
        target=dict(data_root=data_root + '/cityscapes', pipeline=image_pipeline),
    ),
)
translation_dataset = dict(
    data_root=data_root + '/GTA5',
    pipeline=[dict(type='LoadImage'), dict(type='PackSegInputs')],
)

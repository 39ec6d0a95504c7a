# CamVid's test frames for validation, its training and validation frames as the unlabelled target: 701
# frames of 480x360, in the layout of the SegNet tutorial (docs/data.md). Input 320x240, random crops of
# 256x192 in training. The predictions are scored at the labels' own size, 480x360.
#
#   sequence        train   val   test
#   0016E5  day       204   101          val: 7 seconds at 15 Hz; all others one frame a second
#   0006R0  day       101
#   Seq05VD day                    171
#   0001TP  dusk       62           62   the first and the second half of one drive
metainfo = dict(
    classes=(
        'sky',
        'building',
        'pole',
        'road',
        'sidewalk',
        'tree',
        'sign',
        'fence',
        'car',
        'pedestrian',
        'bicyclist',
    ),
)
resize = dict(type='Resize', scale=(320, 240), keep_ratio=False)  # OpenCV, bilinear; labels nearest
load_camvid_labels = dict(type='LoadTrainIds', ids={number: number for number in range(11)})
crop_flip_and_pack = [
    dict(type='RandomCrop', crop_size=(192, 256)),  # height, width
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
labelled_pipeline = [dict(type='LoadImage'), load_camvid_labels, resize, *crop_flip_and_pack]
target_pipeline = [dict(type='LoadImage'), resize, *crop_flip_and_pack]  # no labels are loaded
test_pipeline = [
    dict(type='LoadImage'),
    resize,
    load_camvid_labels,  # after Resize: labels keep their size
    dict(type='PackSegInputs'),
]
camvid = dict(type='CamVidDataset', data_root='data/camvid')
train_dataloader = dict(
    batch_size=2,  # 2 source + 2 target images
    num_workers=0,  # the images are small
    persistent_workers=False,
    sampler=dict(type='UDASampler'),
    dataset=dict(
        type='UDADataset',
        target=dict(camvid, folders=('train', 'val'), pipeline=target_pipeline),
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(camvid, folders=('test',), pipeline=test_pipeline),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='UDAIoUMetric')
test_evaluator = val_evaluator
# Besides, 50 training images of each domain: scores that need no label of the target.
val_cfg = dict(type='UDAValLoop', num_images=50)
test_cfg = dict(type='TestLoop')

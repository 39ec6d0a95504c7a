# Classes, images and labels of your own, and no label of the target: copy this file and change it
# from top to bottom; docs/own_data.md goes through it.

# A small network that starts from scratch and trains on a CPU, to see that everything is in place.
# After that, '../adaptsegnet/adaptsegnet_efficientnet-lite0_street-scenes.py' (on a CPU, with
# ImageNet weights that come with pip: docs/data.md),
# '../adaptsegnet/adaptsegnet-gl_deeplabv2-r101_gta5-to-cityscapes.py' (on a GPU), or any other.
_base_ = '../adaptsegnet/adaptsegnet-gl_deeplabv2-tiny_street-scenes.py'

# The classes; their numbers are 0, 1, 2, ... Heads, labels, tables and pictures follow from here.
metainfo = dict(
    classes=('ground', 'building', 'plant', 'sky', 'vehicle'),
    palette=[  # red, green, blue of each class; without this line, colours are chosen
        [128, 64, 128],
        [200, 120, 60],
        [60, 160, 60],
        [90, 170, 230],
        [230, 30, 80],
    ],
)

# Value of a pixel in the label files -> number of its class. All other values are ignored: such
# pixels count neither in training nor in evaluation.
ids = {7: 0, 8: 0, 11: 1, 12: 1, 21: 2, 22: 2, 23: 3, 26: 4, 27: 4, 28: 4}

# What the network sees, (width, height). The papers take 1280x720 for the source and 1024x512 for
# the target; the two may differ.
source_size = (192, 96)
target_size = (192, 96)

source_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadTrainIds', ids=ids),
    dict(_base_.resize, scale=source_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
target_pipeline = [
    dict(type='LoadImage'),
    dict(_base_.resize, scale=target_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(_base_.resize, scale=target_size),
    dict(type='PackSegInputs'),
]

train_dataloader = dict(
    dataset=dict(
        # IMAGES/x/y.png belongs to LABELS/x/y.png.
        source=dict(
            _delete_=True,
            type='BaseSegDataset',
            data_root='data/mine/source',
            data_prefix=dict(img_path='images', seg_map_path='labels'),
            img_suffix='.png',
            seg_map_suffix='.png',
            pipeline=source_pipeline,
        ),
        # A folder that is searched for PNG and JPEG, with its subfolders.
        target=dict(
            _delete_=True,
            type='ImageFolderDataset',
            data_root='data/mine/target',
            pipeline=target_pipeline,
        ),
    ),
)

# How the tools and the validation show images to the network.
test_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ImageFolderDataset',
        data_root='data/mine/target',
        pipeline=test_pipeline,
    ),
)

# Without labels of the target a validation measures no mIoU. It scores training images of the
# target, and the checkpoint with the best score is kept as best_score_*.pth.
val_dataloader = test_dataloader
val_evaluator = []
default_hooks = dict(checkpoint=dict(save_best='score/BNM'))

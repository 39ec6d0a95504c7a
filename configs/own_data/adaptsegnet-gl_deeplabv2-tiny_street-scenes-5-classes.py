# Five classes instead of nineteen on the street scenes: an example of classes of one's own.
_base_ = '../adaptsegnet/adaptsegnet-gl_deeplabv2-tiny_street-scenes.py'
metainfo = dict(
    classes=('flat', 'construction', 'nature', 'sky', 'moving'),
    palette=[[128, 64, 128], [200, 120, 60], [60, 160, 60], [90, 170, 230], [230, 30, 80]],
)
# Id in the label files (Cityscapes' ids, which GTA5 shares) -> place in `classes`, counted from 0.
# All other ids are ignored.
ids = {
    7: 0, 8: 0,  # road, sidewalk
    11: 1, 12: 1, 13: 1, 17: 1, 19: 1, 20: 1,  # building, wall, fence, pole, light, sign
    21: 2, 22: 2,  # vegetation, terrain
    23: 3,  # sky
    24: 4, 25: 4, 26: 4, 27: 4, 28: 4, 31: 4, 32: 4, 33: 4,  # people and vehicles
}  # fmt: skip
source_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadTrainIds', ids=ids),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(_base_.resize, scale=(192, 96)),
    dict(type='LoadTrainIds', ids=ids),
    dict(type='PackSegInputs'),
]
# mmseg's CityscapesDataset takes Cityscapes' classes only; BaseSegDataset reads the same files.
cityscapes = dict(type='BaseSegDataset', img_suffix='_leftImg8bit.png')
train_dataloader = dict(dataset=dict(source=dict(pipeline=source_pipeline), target=cityscapes))
val_dataloader = dict(dataset=dict(**cityscapes, pipeline=test_pipeline))
test_dataloader = val_dataloader

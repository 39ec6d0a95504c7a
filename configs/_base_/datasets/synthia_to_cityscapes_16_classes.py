# SYNTHIA -> Cityscapes for networks with 16 outputs (ADVENT, DADA): without terrain, truck and
# train, which SYNTHIA does not have. Where the labels, of validation too, have one of them they are
# 255. Labels and colours follow from the classes; the heads need num_classes=16.
_base_ = './synthia_to_cityscapes.py'
classes = (
    'road',
    'sidewalk',
    'building',
    'wall',
    'fence',
    'pole',
    'traffic light',
    'traffic sign',
    'vegetation',
    'sky',
    'person',
    'rider',
    'car',
    'bus',
    'motorcycle',
    'bicycle',
)
metainfo = dict(classes=classes)
train_dataloader = dict(
    dataset=dict(source=dict(metainfo=metainfo), target=dict(metainfo=metainfo))
)
val_dataloader = dict(dataset=dict(metainfo=metainfo))
test_dataloader = val_dataloader

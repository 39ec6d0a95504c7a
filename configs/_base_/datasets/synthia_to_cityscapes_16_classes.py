# SYNTHIA -> Cityscapes for networks with 16 outputs (ADVENT, DADA): without terrain, truck and
# train, which SYNTHIA does not have. Where the labels, of validation too, have one of them they are
# 255. Heads, labels and colours follow from the classes.
_base_ = './synthia_to_cityscapes.py'
metainfo = dict(
    classes=(
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
    ),
)

# Street scenes (300 labelled images) -> CamVid: 468 unlabelled frames of train and val, evaluated on
# the 233 labelled ones of test. The source is drawn at CamVid's shape:
# python tools/make_street_scenes.py data/street_scenes_320x240 --size 240x320
_base_ = './camvid.py'
# The environment variable, or this default.
data_root = '{{$STREET_SCENES:data/street_scenes_320x240}}'
# Cityscapes' id, which GTA5 shares -> CamVid's class, as CamVid's labels have it: walls are buildings,
# grass is tree, a traffic light is a sign, every vehicle with four or more wheels is a car, and riders
# belong to their bicycles. The scenes have no riders and bicycles, so that only CamVid has bicyclists.
ids = {
    23: 0,  # sky
    11: 1, 12: 1,  # building: building, wall
    17: 2,  # pole
    7: 3,  # road
    8: 4,  # sidewalk
    21: 5, 22: 5,  # tree: vegetation, terrain
    19: 6, 20: 6,  # sign: traffic light, traffic sign
    13: 7,  # fence
    26: 8, 27: 8, 28: 8,  # car: car, truck, bus
    24: 9,  # pedestrian: person
    25: 10, 32: 10, 33: 10,  # bicyclist: rider, motorcycle, bicycle
}  # fmt: skip
source_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadTrainIds', ids=ids),
    _base_.resize,  # for scenes of another size; does nothing at 320x240
    *_base_.crop_flip_and_pack,
]
train_dataloader = dict(
    dataset=dict(
        source=dict(type='GTA5Dataset', data_root=data_root + '/GTA5', pipeline=source_pipeline),
    ),
)

# MIC on DAFormer for CamVid's classes, with smaller blocks.
_base_ = './mic.py'
teacher = dict(momentum=0.01)  # as in dacs.py
views = dict(
    mixed=dict(ignored_rows=(0, 0)),
    masked=dict(ignored_rows=(0, 0), block_size=16),  # of 256x192; MIC: 32 of 512x512
)
# Sign, car, pedestrian, bicyclist.
source_losses = dict(feature_distance=dict(classes=(6, 8, 9, 10)))

# DAFormer for CamVid's classes: DACS's faster teacher and no margins.
_base_ = './daformer.py'
teacher = dict(momentum=0.01)  # as in dacs.py
views = dict(mixed=dict(ignored_rows=(0, 0)))
# Sign, car, pedestrian, bicyclist.
source_losses = dict(feature_distance=dict(classes=(6, 8, 9, 10)))

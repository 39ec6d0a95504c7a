# MIC on HRDA: larger blocks; margins and feature distance are HRDA's.
_base_ = './mic.py'
views = dict(
    mixed=dict(ignored_rows=(0, 0)),  # the margins come with the images
    masked=dict(ignored_rows=(0, 0), block_size=64),
)
source_losses = dict(feature_distance=dict(image_scale=0.5))  # features of the context

# HRDA: DAFormer's method on large crops; the margins of the pseudo labels come with the images
# (../datasets), and the features whose distance counts are those of the context.
_base_ = './daformer.py'
views = dict(mixed=dict(ignored_rows=(0, 0)))
source_losses = dict(feature_distance=dict(image_scale=0.5))

# Without the feature distance: the network has no pretrained weights.
_base_ = [
    '../_base_/models/hrda_tiny.py',
    '../_base_/datasets/street_scenes_rare_class_sampling.py',
    '../_base_/schedules/street_scenes.py',
    '../_base_/uda/dacs.py',
    '../_base_/default_runtime.py',
]
model = dict(teacher=_base_.teacher, views=_base_.views)

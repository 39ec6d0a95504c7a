_base_ = [
    '../_base_/models/efficientnet_lite0.py',
    '../_base_/datasets/street_scenes_to_camvid.py',
    '../_base_/schedules/photographs.py',
    '../_base_/uda/advent_photographs.py',
    '../_base_/default_runtime.py',
]
model = dict(heads=dict(global_head=_base_.global_head))

_base_ = [
    '../_base_/models/efficientnet_lite0.py',
    '../_base_/datasets/camvid_day_to_dusk.py',
    '../_base_/schedules/photographs.py',
    '../_base_/uda/dacs.py',
    '../_base_/default_runtime.py',
]
model = dict(
    teacher=_base_.teacher,
    views=_base_.views,
    evaluated='teacher',  # its batch norm has the statistics of the target
)

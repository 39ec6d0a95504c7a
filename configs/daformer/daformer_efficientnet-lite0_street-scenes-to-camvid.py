_base_ = [
    '../_base_/models/efficientnet_lite0.py',
    '../_base_/datasets/street_scenes_to_camvid_rare_class_sampling.py',
    '../_base_/schedules/photographs.py',
    '../_base_/uda/daformer_camvid.py',
    '../_base_/default_runtime.py',
]
model = dict(
    teacher=_base_.teacher,
    views=_base_.views,
    source_losses=_base_.source_losses,
    evaluated='teacher',  # its batch norm has the statistics of the target
)

_base_ = [
    '../_base_/models/cyclegan_tiny.py',
    '../_base_/models/deeplabv2_tiny.py',
    '../_base_/datasets/street_scenes_images.py',
    '../_base_/schedules/cyclegan_street_scenes.py',
    '../_base_/default_runtime.py',
]
model = dict(
    _base_.cyclegan,
    _delete_=True,
    segmentor=dict(_base_.model.segmentor, auxiliary_head=None),
    segmentor_checkpoint='work_dirs/source-only_deeplabv2-tiny_street-scenes/iter_1200.pth',
)

# BDL's first translation: no segmentor yet (as good as with one, BDL issue #37).
_base_ = [
    '../_base_/models/cyclegan.py',
    '../_base_/datasets/synthia_and_cityscapes_images.py',
    '../_base_/schedules/cyclegan_synthia.py',
    '../_base_/default_runtime.py',
]
model = _base_.cyclegan

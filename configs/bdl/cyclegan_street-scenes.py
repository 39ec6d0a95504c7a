_base_ = [
    '../_base_/models/cyclegan_tiny.py',
    '../_base_/datasets/street_scenes_images.py',
    '../_base_/schedules/cyclegan_street_scenes.py',
    '../_base_/default_runtime.py',
]
model = _base_.cyclegan

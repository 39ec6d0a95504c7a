# BDL's later translations for FCN-8s: the images must mean the same to the last FCN-8s.
_base_ = [
    '../_base_/models/cyclegan.py',
    '../_base_/models/fcn8s_vgg16.py',
    '../_base_/datasets/synthia_and_cityscapes_images.py',
    '../_base_/schedules/cyclegan_synthia.py',
    '../_base_/default_runtime.py',
]
model = dict(
    _base_.cyclegan,
    _delete_=True,
    segmentor=_base_.model.segmentor,
)
required_options = {
    'model.segmentor_checkpoint': 'a checkpoint of bdl_fcn8s-vgg16_synthia-to-cityscapes'
}

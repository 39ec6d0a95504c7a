# BDL's later translations: the images must mean the same to the last segmentation network.
_base_ = [
    '../_base_/models/cyclegan.py',
    '../_base_/models/deeplabv2_r101.py',
    '../_base_/datasets/synthia_and_cityscapes_images.py',
    '../_base_/schedules/cyclegan_synthia.py',
    '../_base_/default_runtime.py',
]
model = dict(
    _base_.cyclegan,
    _delete_=True,
    # Four summed branches, those of the networks trained here; BDL's cyclegan/deeplab.py sums two.
    segmentor=dict(_base_.model.segmentor, auxiliary_head=None),
)
required_options = {
    'model.segmentor_checkpoint': 'a checkpoint of bdl_deeplabv2-r101_synthia-to-cityscapes'
}

# BDL on FCN-8s, SYNTHIA -> Cityscapes.
from mmseg_gl.experiments.bdl_recipe import bdl_recipe

stages = bdl_recipe(
    translation='../cyclegan_synthia-to-cityscapes.py',
    perceptual_translation='../cyclegan_perceptual_fcn8s-vgg16_synthia-to-cityscapes.py',
    first='../bdl_fcn8s-vgg16_synthia-to-cityscapes_m0.py',
    adapted='../bdl_fcn8s-vgg16_synthia-to-cityscapes.py',
    local='../bdl-gl_fcn8s-vgg16_synthia-to-cityscapes.py',
    source_only='../../source_only/source-only_fcn8s-vgg16_synthia-to-cityscapes.py',
)

# BDL on FCN-8s, GTA5 -> Cityscapes.
from mmseg_gl.experiments.bdl_recipe import bdl_recipe

stages = bdl_recipe(
    translation='../cyclegan_gta5-to-cityscapes.py',
    perceptual_translation='../cyclegan_perceptual_fcn8s-vgg16_gta5-to-cityscapes.py',
    first='../bdl_fcn8s-vgg16_gta5-to-cityscapes_m0.py',
    adapted='../bdl_fcn8s-vgg16_gta5-to-cityscapes.py',
    local='../bdl-gl_fcn8s-vgg16_gta5-to-cityscapes.py',
    source_only='../../source_only/source-only_fcn8s-vgg16_gta5-to-cityscapes.py',
)

# BDL on ResNet-101, GTA5 -> Cityscapes.
from mmseg_gl.experiments.bdl_recipe import bdl_recipe

stages = bdl_recipe(
    translation='../cyclegan_gta5-to-cityscapes.py',
    perceptual_translation='../cyclegan_perceptual_deeplabv2-r101_gta5-to-cityscapes.py',
    first='../bdl_deeplabv2-r101_gta5-to-cityscapes_m0.py',
    adapted='../bdl_deeplabv2-r101_gta5-to-cityscapes.py',
    local='../bdl-gl_deeplabv2-r101_gta5-to-cityscapes.py',
)

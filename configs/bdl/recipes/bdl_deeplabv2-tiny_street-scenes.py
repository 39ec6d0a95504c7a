# BDL on the street scenes.
from mmseg_gl.experiments.bdl_recipe import bdl_recipe

stages = bdl_recipe(
    translation='../cyclegan_street-scenes.py',
    perceptual_translation='../cyclegan_perceptual_deeplabv2-tiny_street-scenes.py',
    first='../bdl_deeplabv2-tiny_street-scenes_m0.py',
    adapted='../bdl_deeplabv2-tiny_street-scenes.py',
    local='../bdl-gl_deeplabv2-tiny_street-scenes.py',
    source_only='../../source_only/source-only_deeplabv2-tiny_street-scenes.py',
    labels_step=1,
)

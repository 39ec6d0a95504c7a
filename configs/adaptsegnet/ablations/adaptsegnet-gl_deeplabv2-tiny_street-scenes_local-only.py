# Phase 2 without the global discriminator, as in the released code.
_base_ = '../adaptsegnet-gl_deeplabv2-tiny_street-scenes.py'
custom_hooks = [
    dict(type='TwoPhaseHook', begin=0.1, phases=[('global_head',), ('local_head',)]),
]

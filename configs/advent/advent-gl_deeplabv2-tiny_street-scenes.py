_base_ = [
    './advent_deeplabv2-tiny_street-scenes.py',
    '../_base_/uda/local_alignment_street_scenes.py',
]
model = dict(heads=dict(local_head=_base_.local_head))
optim_wrapper = dict(local_head=dict(optimizer=dict(lr=5e-3)))

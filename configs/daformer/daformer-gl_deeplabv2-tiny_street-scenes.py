_base_ = [
    './daformer_deeplabv2-tiny_street-scenes.py',
    '../_base_/uda/local_alignment_street_scenes.py',
]
model = dict(heads=dict(local_head=_base_.local_head))

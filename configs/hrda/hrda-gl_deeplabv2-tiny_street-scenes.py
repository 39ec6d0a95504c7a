_base_ = [
    './hrda_deeplabv2-tiny_street-scenes.py',
    '../_base_/uda/local_alignment_street_scenes.py',
]
local_head = dict(_base_.local_head, loss_weights=dict(decode=1.0))  # one output
model = dict(heads=dict(local_head=local_head))

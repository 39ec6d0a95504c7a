_base_ = [
    './advent_efficientnet-lite0_street-scenes-to-camvid.py',
    '../_base_/uda/local_alignment_street_scenes.py',
]
model = dict(
    heads=dict(local_head=dict(_base_.local_head, loss_weights=dict(decode=3.0, auxiliary=0.6))),
)
optim_wrapper = dict(local_head=dict(optimizer=dict(lr=5e-3)))

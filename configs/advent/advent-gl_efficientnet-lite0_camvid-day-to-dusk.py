_base_ = [
    './advent_efficientnet-lite0_camvid-day-to-dusk.py',
    '../_base_/uda/local_alignment_photographs.py',
]
model = dict(heads=dict(local_head=_base_.local_head))
optim_wrapper = dict(local_head=dict(optimizer=dict(lr=5e-3)))

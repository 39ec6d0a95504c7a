_base_ = [
    './daformer_efficientnet-lite0_camvid-day-to-dusk.py',
    '../_base_/uda/local_alignment_photographs.py',
]
model = dict(heads=dict(local_head=_base_.local_head))

_base_ = [
    './dacs_efficientnet-lite0_street-scenes-to-camvid.py',
    '../_base_/uda/local_alignment_photographs.py',
]
model = dict(heads=dict(local_head=_base_.local_head))

# MIC on HRDA + local alignment, MiT-B5, SYNTHIA -> Cityscapes.
_base_ = [
    './mic_hrda-mitb5_synthia-to-cityscapes.py',
    '../_base_/uda/local_alignment_single_level.py',
]
# As many pixels as a map of half the size has, in which HRDA aligns when it is adversarial.
model = dict(heads=dict(local_head=dict(_base_.local_head, num_points=524_288)))

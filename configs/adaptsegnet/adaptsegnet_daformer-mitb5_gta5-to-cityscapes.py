# AdaptSegNet, MiT-B5 of DAFormer, GTA5 -> Cityscapes.
# Mirrors: AdvSeg of HRDA and MIC, least-squares GAN.
# Deviations: the discriminator has the warm-up and linear decay of the network, and one optimizer
#   (theirs is also stepped by that of the network); no colour jitter of the source.
_base_ = [
    '../_base_/models/daformer_mitb5.py',
    '../_base_/datasets/gta5_to_cityscapes_512x512.py',
    '../_base_/schedules/sgd_40k.py',
    '../_base_/uda/adaptsegnet_single_level.py',
    '../_base_/default_runtime.py',
]
model = dict(heads=dict(global_head=dict(_base_.global_head, gan='lsgan')))

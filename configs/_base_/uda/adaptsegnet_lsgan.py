# AdaptSegNet with LS-GAN (`--gan LS`): single-level, squared error, ten times the weight.
_base_ = './adaptsegnet_single_level.py'
global_head = dict(gan='lsgan', loss_weights=dict(decode=1e-2))

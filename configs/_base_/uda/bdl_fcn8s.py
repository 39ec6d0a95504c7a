# BDL's alignment of FCN-8s: AdaptSegNet's, with a tenth of the weight.
_base_ = './adaptsegnet_single_level.py'
global_head = dict(loss_weights=dict(decode=1e-4))  # the paper's value for VGG

# The same for networks that have one output (VGG-16).
_base_ = './local_alignment.py'
local_head = dict(loss_weights=dict(_delete_=True, decode=1e-3))

# ADVENT with the main output only, for networks that have one output (VGG-16).
_base_ = './advent.py'
global_head = dict(loss_weights=dict(_delete_=True, decode=1e-3))

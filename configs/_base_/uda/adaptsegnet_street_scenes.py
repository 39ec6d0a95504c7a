# AdaptSegNet for the street scenes: narrow discriminators; the weights suit a small network
# that starts from scratch (ten times the published ones).
_base_ = './adaptsegnet.py'
global_head = dict(
    channels=(16, 32, 64, 128),
    loss_weights=dict(decode=1e-2, auxiliary=2e-3),
)

# ADVENT for the embedded benchmark: narrow discriminators, and weights that suit a small network
# that starts from scratch.
_base_ = './advent.py'
global_head = dict(
    channels=(16, 32, 64, 128),
    loss_weights=dict(decode=1e-2, auxiliary=2e-3),
)

# ADVENT for the street scenes: narrow discriminators, and weights that suit a small network
# that starts from scratch (entropy maps have smaller values than softmax maps, and gradients).
_base_ = './advent.py'
global_head = dict(
    channels=(16, 32, 64, 128),
    loss_weights=dict(decode=0.3, auxiliary=0.06),
)

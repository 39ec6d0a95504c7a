# The same for the embedded benchmark.
_base_ = './local_alignment.py'
local_head = dict(
    channels=(32, 64, 128, 256),
    num_points=2048,  # of 36 864 pixels in 2 images
    loss_weights=dict(decode=1.0, auxiliary=0.2),
)

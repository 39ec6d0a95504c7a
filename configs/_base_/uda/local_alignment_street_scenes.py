# The same for the street scenes, where a network starts from scratch: local alignment sets in
# early, while the domains' outputs still differ pixel by pixel. The source's unlabelled pixels are
# kept, which is best on these scenes (docs/mixture.md).
_base_ = './local_alignment.py'
local_head = dict(
    channels=(32, 64, 128, 256),
    background='keep',
    num_points=2048,  # of 36 864 pixels in 2 images
    loss_weights=dict(decode=1.0, auxiliary=0.2),
)
custom_hooks = [
    dict(type='TwoPhaseHook', begin=0.1, phases=[(), ('local_head',)]),
]

# The network of AdaptSegNet's published figures: its heads sum only the first two branches (the
# official forward returns from inside the loop; known upstream, AdaptSegNet issues #4 and #20).
_base_ = './deeplabv2_r101.py'
model = dict(
    segmentor=dict(decode_head=dict(num_branches=2), auxiliary_head=dict(num_branches=2)),
)

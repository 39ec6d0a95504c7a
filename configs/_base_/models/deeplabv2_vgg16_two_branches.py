# The network of AdaptSegNet's published VGG-16 figures: its head sums only the first two branches.
_base_ = './deeplabv2_vgg16.py'
model = dict(segmentor=dict(decode_head=dict(num_branches=2)))

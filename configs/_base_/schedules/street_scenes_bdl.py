# The street scenes' stages of BDL: each starts from the source-only network, as the
# full-size ones start from ImageNet's.
_base_ = './street_scenes.py'
optim_wrapper = dict(segmentor=dict(optimizer=dict(lr=0.01)))
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=401, by_epoch=False),
]
train_cfg = dict(max_iters=400, val_interval=200)

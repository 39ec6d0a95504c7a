_base_ = './poly_250k.py'
optim_wrapper = dict(segmentor=dict(paramwise_cfg=_base_.r101_parameter_groups))

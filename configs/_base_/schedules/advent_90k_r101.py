_base_ = './advent_90k.py'
optim_wrapper = dict(segmentor=dict(paramwise_cfg=_base_.r101_parameter_groups))

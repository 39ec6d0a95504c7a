_base_ = './advent_120k.py'
optim_wrapper = dict(segmentor=dict(paramwise_cfg=_base_.r101_parameter_groups))

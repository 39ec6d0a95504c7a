_base_ = './bdl_80k_r101.py'
train_cfg = dict(max_iters=120_000)  # with pseudo labels

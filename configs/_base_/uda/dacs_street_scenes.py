# DACS for the embedded benchmark.
_base_ = './dacs.py'

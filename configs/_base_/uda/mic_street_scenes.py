# MIC for the street scenes: DACS's faster teacher, no margins, smaller blocks.
_base_ = './mic.py'
teacher = dict(momentum=0.01)  # as in dacs.py
views = dict(
    mixed=dict(ignored_rows=(0, 0)),
    masked=dict(ignored_rows=(0, 0), block_size=8),
)

# The same with pseudo labels for the target, written by tools/pseudo_label.py.
_base_ = './street_scenes_translated.py'
target_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadPseudoLabels', folder='data/street_scenes_pseudo_labels'),  # of 192x96
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(dataset=dict(target=dict(pipeline=target_pipeline)))

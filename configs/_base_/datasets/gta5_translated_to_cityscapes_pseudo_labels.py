# The same with pseudo labels for the target, written by tools/pseudo_label.py.
_base_ = './gta5_translated_to_cityscapes.py'
target_pipeline = [
    dict(type='LoadImage'),
    dict(_base_.resize, scale=(1024, 512)),
    dict(type='LoadPseudoLabels', folder='data/cityscapes_pseudo_labels'),  # of 1024x512
    dict(type='PackSegInputs'),
]
train_dataloader = dict(dataset=dict(target=dict(pipeline=target_pipeline)))

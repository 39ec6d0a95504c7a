# MIC on HRDA: the labels of whole target images are learned from masked ones.
_base_ = './hrda.py'
views = dict(
    masked=dict(
        type='MaskedImages',
        block_size=64,
        ratio=0.7,  # of the blocks is hidden
        threshold=0.968,
        augmentation=dict(
            type='StrongAugmentation',
            strength=0.2,
            jitter_probability=0.8,
            blur_probability=0.5,
            per_image=False,  # one order and one blur for the batch
        ),
    ),
)

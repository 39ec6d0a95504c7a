# MIC on DAFormer: the labels of whole target images are learned from masked ones.
_base_ = './daformer.py'
views = dict(
    masked=dict(
        type='MaskedImages',
        block_size=32,
        ratio=0.7,  # of the blocks is hidden
        threshold=0.968,
        ignored_rows=(15, 120),
        augmentation=dict(
            type='StrongAugmentation',
            strength=0.2,
            jitter_probability=0.8,
            blur_probability=0.5,
            per_image=False,  # one order and one blur for the batch
        ),
    ),
)

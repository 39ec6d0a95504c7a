# MIC for the embedded benchmark, whose networks start at random: no feature distance.
_base_ = './dacs.py'
views = dict(
    masked=dict(
        type='MaskedImages',
        block_size=8,
        ratio=0.7,
        threshold=0.968,
        augmentation=dict(
            type='StrongAugmentation',
            strength=0.2,
            jitter_probability=0.8,
            blur_probability=0.5,
            per_image=False,
        ),
    ),
)

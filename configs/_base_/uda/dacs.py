# DACS as in DAFormer's code: a teacher labels target images, into which half of the source's classes
# are pasted (ClassMix). In leaf configs: model = dict(teacher=_base_.teacher, views=_base_.views).
teacher = dict(
    type='EMATeacher',
    momentum=0.01,  # 1 - alpha, alpha = 0.99
    buffers='own',  # batch norm: the teacher's own statistics
)
views = dict(
    mixed=dict(
        type='ClassMix',
        threshold=0.968,
        augmentation=dict(
            type='StrongAugmentation',
            strength=0.2,  # DACS itself: 0.25
            # color_jitter_probability=0.2 in the official configs: applied above 0.2, not below it.
            jitter_probability=0.8,
            blur_probability=0.5,
        ),
    ),
)

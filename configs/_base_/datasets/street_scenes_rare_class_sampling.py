# The street scenes with rare-class sampling.
_base_ = ['./street_scenes.py', './rare_class_sampling.py']
train_dataloader = dict(
    dataset=dict(
        # The same share of 192x96 pixels as DAFormer's 3000 are of a GTA5 label.
        source_sampling=dict(_base_.rare_class_sampling, min_pixels=27),
    ),
)

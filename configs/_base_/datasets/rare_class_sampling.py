# Rare-class sampling of the source with DAFormer's values: add this file to the `_base_` list of a
# config and write
# `train_dataloader = dict(dataset=dict(source_sampling=_base_.rare_class_sampling))`.
rare_class_sampling = dict(
    type='RareClassSampling',
    temperature=0.01,
    min_pixels=3000,  # of the class in a label at full size
    min_crop_ratio=0.5,  # more than 1500 pixels in a crop of 512x512
)

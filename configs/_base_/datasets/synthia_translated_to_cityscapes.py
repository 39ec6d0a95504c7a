# SYNTHIA in the style of Cityscapes, written by tools/translate.py, with SYNTHIA's own labels.
_base_ = './synthia_to_cityscapes.py'
train_dataloader = dict(
    dataset=dict(
        source=dict(
            data_root='',
            data_prefix=dict(
                img_path='data/SYNTHIA_translated/images', seg_map_path='data/SYNTHIA/GT/LABELS'
            ),
        ),
    ),
)

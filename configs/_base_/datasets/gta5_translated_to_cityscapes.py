# GTA5 in the style of Cityscapes, written by tools/translate.py, with GTA5's own labels.
_base_ = './gta5_to_cityscapes.py'
train_dataloader = dict(
    dataset=dict(
        source=dict(
            data_root='',
            data_prefix=dict(
                img_path='data/GTA5_translated/images', seg_map_path='data/GTA5/labels'
            ),
        ),
    ),
)

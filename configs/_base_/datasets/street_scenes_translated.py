# The street scenes' source in the style of the target, written by tools/translate.py.
_base_ = './street_scenes.py'
train_dataloader = dict(
    dataset=dict(
        source=dict(
            data_root='',
            data_prefix=dict(
                img_path='data/street_scenes_translated/images',
                seg_map_path=_base_.data_root + '/GTA5/labels',
            ),
        ),
    ),
)

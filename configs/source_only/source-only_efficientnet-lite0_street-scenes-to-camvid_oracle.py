# What supervision on the target would give: CamVid's labelled train and val as the source.
_base_ = './source-only_efficientnet-lite0_street-scenes-to-camvid.py'
train_dataloader = dict(
    dataset=dict(
        source=dict(
            _base_.camvid,
            _delete_=True,
            folders=('train', 'val'),
            pipeline=_base_.labelled_pipeline,
        ),
    ),
)

# CamVid by day (476 labelled frames) -> at dusk: 62 unlabelled frames of the first half of a drive,
# evaluated on the 62 labelled ones of its second half. Seq05VD is in the folder test, but no frame is in
# both domains. The 101 day frames of val, 7 seconds between frames of train, are left out.
_base_ = './camvid.py'
day = ('0016E5', '0006R0', 'Seq05VD')
dusk = ('0001TP',)
train_dataloader = dict(
    dataset=dict(
        source=dict(
            _base_.camvid,
            folders=('train', 'test'),
            sequences=day,
            pipeline=_base_.labelled_pipeline,
        ),
        target=dict(folders=('train',), sequences=dusk),
    ),
)
val_dataloader = dict(dataset=dict(sequences=dusk))
test_dataloader = val_dataloader

# What supervision on the target would give: the 62 labelled dusk frames of the folder train as the source.
_base_ = './source-only_efficientnet-lite0_camvid-day-to-dusk.py'
train_dataloader = dict(
    dataset=dict(source=dict(folders=('train',), sequences=_base_.dusk)),
)

# CamVid day to dusk with rare-class sampling.
_base_ = ['./camvid_day_to_dusk.py', './rare_class_sampling.py']
train_dataloader = dict(
    dataset=dict(
        # Of 480x360 pixels as large a share as DAFormer's 3000 are of a GTA5 label.
        source_sampling=dict(_base_.rare_class_sampling, min_pixels=257),
    ),
)

# Street scenes to CamVid with rare-class sampling.
_base_ = ['./street_scenes_to_camvid.py', './rare_class_sampling.py']
train_dataloader = dict(
    dataset=dict(
        # Of 320x240 pixels as large a share as DAFormer's 3000 are of a GTA5 label.
        source_sampling=dict(_base_.rare_class_sampling, min_pixels=114),
    ),
)

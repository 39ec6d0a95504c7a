# AdaptSegNet with a third head.
_base_ = '../../configs/adaptsegnet/adaptsegnet-gl_deeplabv2-tiny_street-scenes.py'
custom_imports = dict(imports=['mmseg_gl', 'my_uda'])
model = dict(
    heads=dict(
        feature_head=dict(type='FeatureHead', loss_weights=dict(last=1e-3), representation='none'),
    ),
)

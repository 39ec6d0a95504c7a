# Source-only with a loss that has parameters, and so an optimizer.
_base_ = '../../configs/source_only/source-only_deeplabv2-tiny_street-scenes.py'
custom_imports = dict(imports=['mmseg_gl', 'my_uda'])
model = dict(source_losses=dict(prototypes=dict(type='PrototypeLoss')))
optim_wrapper = dict(prototypes=dict(optimizer=dict(type='Adam', lr=1e-2)))

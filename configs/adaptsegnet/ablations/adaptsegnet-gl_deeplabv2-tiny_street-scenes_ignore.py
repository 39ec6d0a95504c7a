_base_ = '../adaptsegnet-gl_deeplabv2-tiny_street-scenes.py'
model = dict(heads=dict(local_head=dict(background='ignore')))

default_scope = 'mmseg'
custom_imports = dict(imports=['mmseg_gl'], allow_failed_imports=False)
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),  # gloo where there is no GPU
)
model_wrapper_cfg = dict(type='UDADistributedDataParallel')  # used when launched distributed
vis_backends = [dict(type='PictureVisBackend')]
visualizer = dict(type='SegLocalVisualizer', vis_backends=vis_backends, name='visualizer')
log_processor = dict(by_epoch=False)
log_level = 'INFO'
load_from = None
resume = False
randomness = dict(seed=0)

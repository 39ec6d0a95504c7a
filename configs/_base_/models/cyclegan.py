# The networks and weights of BDL's image translation, those of CycleGAN (Zhu et al., ICCV 2017).
# BDL's own settings are in cyclegan/readme.md and cyclegan/cycle_gan_model.py of its code.
cyclegan = dict(
    type='CycleGAN',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[127.5, 127.5, 127.5],  # 0..255 becomes -1..1, the range of the generators' tanh
        std=[127.5, 127.5, 127.5],
        bgr_to_rgb=True,
        size_divisor=1,
    ),
    generator=dict(type='ResNetGenerator', channels=64, num_blocks=9),  # netG resnet_9blocks
    discriminator=dict(type='PatchDiscriminator', channels=64, num_layers=3),  # netD basic
    loss_weights=dict(
        gan=1.0,
        cycle=10.0,
        identity=5.0,  # lambda_identity .5, times 10; without it the result drops (BDL issue #17)
        semantic=0.1,  # the last two only with a segmentor
        semantic_reconstruction=10.0,
    ),
    pool_size=50,
)

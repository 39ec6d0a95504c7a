# BDL on FCN-8s, GTA5 -> Cityscapes: two rounds of translation with two rounds of
# pseudo labels each, and the last stage once more with local alignment.
# {NAME} stands for the output of the stage NAME: its last checkpoint, or its folder of PNGs.
SOURCE = 'train_dataloader.dataset.source.data_prefix.img_path'
LABELS = 'train_dataloader.dataset.target.pipeline.2.folder'
F1 = '../cyclegan_gta5-to-cityscapes.py'
F2 = '../cyclegan_perceptual_fcn8s-vgg16_gta5-to-cityscapes.py'
M0 = '../bdl_fcn8s-vgg16_gta5-to-cityscapes_m0.py'
M = '../bdl_fcn8s-vgg16_gta5-to-cityscapes.py'
M_LOCAL = '../bdl-gl_fcn8s-vgg16_gta5-to-cityscapes.py'
stages = [
    dict(
        name='source-only',
        tool='train',
        config='../../source_only/source-only_fcn8s-vgg16_gta5-to-cityscapes.py',
    ),
    dict(name='F_1', tool='train', config=F1),
    dict(name='images_1', tool='translate', config=F1, checkpoint='{F_1}'),
    dict(
        name='M0_1',
        tool='train',
        config=M0,
        options={'load_from': '{source-only}', SOURCE: '{images_1}'},
    ),
    dict(name='labels0_1', tool='pseudo_label', config=M0, checkpoint='{M0_1}'),
    dict(
        name='M1_1',
        tool='train',
        config=M,
        options={'load_from': '{source-only}', SOURCE: '{images_1}', LABELS: '{labels0_1}'},
    ),
    dict(name='labels1_1', tool='pseudo_label', config=M, checkpoint='{M1_1}'),
    dict(
        name='M2_1',
        tool='train',
        config=M,
        options={'load_from': '{source-only}', SOURCE: '{images_1}', LABELS: '{labels1_1}'},
    ),
    dict(name='F_2', tool='train', config=F2, options={'model.segmentor_checkpoint': '{M2_1}'}),
    dict(name='images_2', tool='translate', config=F2, checkpoint='{F_2}'),
    dict(
        name='M0_2',
        tool='train',
        config=M0,
        options={'load_from': '{source-only}', SOURCE: '{images_2}'},
    ),
    dict(name='labels0_2', tool='pseudo_label', config=M0, checkpoint='{M0_2}'),
    dict(
        name='M1_2',
        tool='train',
        config=M,
        options={'load_from': '{source-only}', SOURCE: '{images_2}', LABELS: '{labels0_2}'},
    ),
    dict(name='labels1_2', tool='pseudo_label', config=M, checkpoint='{M1_2}'),
    dict(
        name='M2_2',
        tool='train',
        config=M,
        options={'load_from': '{source-only}', SOURCE: '{images_2}', LABELS: '{labels1_2}'},
    ),
    dict(
        name='M2_2_local',
        tool='train',
        config=M_LOCAL,
        options={'load_from': '{source-only}', SOURCE: '{images_2}', LABELS: '{labels1_2}'},
    ),
]

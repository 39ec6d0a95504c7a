"""The networks of the official codes that weights are converted from and to."""

from functools import partial

from mmseg.registry import MODELS

from mmseg_gl.errors import check_choice
from mmseg_gl.models import (
    DeepLabV2ResNet,
    FCN8sVGG,
    GlobalDiscriminatorHead,
    LocalDiscriminatorHead,
    PatchDiscriminator,
    ResNetGenerator,
)
from mmseg_gl.weights.layout import Layout

NUM_CLASSES = 19


def deeplab(network, decode, auxiliary=None, backbone='DeepLabV2ResNet', branches=4):
    """Return the layout of a DeepLab-v2.

    Args:
        network (str): The official class or function.
        decode (str): Its main classifier's name.
        auxiliary (str | None): Its auxiliary classifier's name.
        backbone (str): 'DeepLabV2ResNet' or 'DeepLabV2VGG'.
        branches (int): How many of a classifier's four branches it sums: 4, or the first 2, where
            its forward pass returns from inside the loop.
    """
    resnet = backbone == 'DeepLabV2ResNet'
    inputs = dict(in_channels=2048, in_index=1) if resnet else dict(in_channels=1024, in_index=0)
    heads = {'decode_head': (decode, inputs)}
    if auxiliary:
        heads['auxiliary_head'] = (auxiliary, dict(in_channels=1024, in_index=0))
    common = dict(type='DeepLabV2Head', num_classes=NUM_CLASSES, loss_decode=[])
    segmentor = dict(
        type='MultiOutputEncoderDecoder',
        backbone=dict(type=backbone, **(dict(depth=101) if resnet else {})),
        **{head: dict(common, **inputs) for head, (_, inputs) in heads.items()},
    )
    renames = [(rf'^{head}\.branches', f'{name}.conv2d_list') for head, (name, _) in heads.items()]
    two_of_four = dict(
        unused=r'\w+_head\.branches\.[23]\.',
        options={f'model.segmentor.{head}.num_branches': 2 for head in heads},
    )
    return Layout(
        network,
        partial(MODELS.build, segmentor),
        prefix='segmentor.',
        renames=((r'^backbone\.', ''), *renames),
        **(two_of_four if branches == 2 else {}),
    )


def fcn8s():
    """Return the layout of BDL's FCN-8s, which names the convolutions block by block."""
    blocks = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
    convs = {
        rf'^features\.{index}\.': f'conv{block}_{number}.'
        for block, indices in enumerate(blocks, 1)
        for number, index in enumerate(indices, 1)
    }
    head = dict(type='FCN8sHead', in_channels=(256, 512, 4096), num_classes=NUM_CLASSES)
    segmentor = dict(
        type='MultiOutputEncoderDecoder',
        backbone=dict(type='FCN8sVGG'),
        decode_head=dict(head, loss_decode=[]),
    )
    return Layout(
        'VGG16_FCN8s',
        partial(MODELS.build, segmentor),
        prefix='segmentor.',
        renames=((r'^(backbone|decode_head)\.', ''), *convs.items()),
    )


def discriminators(level, head=None):
    """Return the layouts of the official discriminators.

    Args:
        level (str): The output level here.
        head (str | None): The head's name here; None: as in the shipped configs.
    """

    def layout(network, kind, names=()):
        return Layout(
            network,
            lambda: kind(NUM_CLASSES, {level: 1.0}).discriminators[level],
            prefix=f'{head or kind.name + "_head"}.discriminators.{level}.',
            renames=tuple((rf'^{2 * i}\.', f'{name}.') for i, name in enumerate(names)),
        )

    names = ('conv1', 'conv2', 'conv3', 'conv4', 'classifier')
    return (
        layout('FCDiscriminator', GlobalDiscriminatorHead, names),
        layout('get_fc_discriminator', GlobalDiscriminatorHead),
        layout('get_fc_pix_discriminator_1x1', LocalDiscriminatorHead),
    )


def translation(network, build, prefix):
    """Return the layout of a network of CycleGAN."""
    renames = ((r'^layers\.', 'model.'), (r'\.layers\.', '.conv_block.'))
    return (Layout(network, build, prefix, renames),)


ADVENT = (
    deeplab('get_deeplab_v2 (multi-level)', 'layer6', 'layer5'),
    deeplab('get_deeplab_v2 (single-level)', 'layer6'),
)
SEGMENTORS = {
    'adaptsegnet': (
        deeplab('DeeplabMulti', 'layer6', 'layer5', branches=2),
        deeplab('Res_Deeplab', 'layer5', branches=2),
        deeplab('DeeplabVGG', 'classifier', backbone='DeepLabV2VGG', branches=2),
    ),
    'advent': ADVENT,
    'bdl': (deeplab('Deeplab', 'layer5'), fcn8s()),
    'bdl-semantic': (deeplab('Deeplab', 'layer5', branches=2),),  # cyclegan/deeplab.py
    'global-local': ADVENT,
}
BACKBONES = {
    'resnet101-caffe': (
        Layout(
            'ResNet-101',
            partial(DeepLabV2ResNet, depth=101),
            ignored=r'(fc|layer5)\.',
            wrapper='Scale.',
        ),
    ),
    'vgg16-caffe': (
        Layout(
            'VGG-16',
            FCN8sVGG,
            renames=((r'^fc6\.', 'classifier.0.'), (r'^fc7\.', 'classifier.3.')),
            ignored=r'classifier\.6\.',
        ),
    ),
}
# Networks of which a model here has two: the option that says which, and its values.
PLACES = {
    'discriminator': ('level', ('decode', 'auxiliary')),
    'cyclegan-generator': ('direction', ('source_to_target', 'target_to_source')),
    'cyclegan-discriminator': ('domain', ('source', 'target')),
}
KINDS = (*BACKBONES, *SEGMENTORS, *PLACES)


def find_layouts(kind, place=None, head=None):
    """Return the layouts of the official networks of a kind.

    Args:
        kind (str): One of ``KINDS``.
        place (str | None): For the kinds in ``PLACES``: which of the two networks here it becomes.
        head (str | None): For discriminators: the name of the head here.

    Returns:
        tuple[Layout]: At least one.

    Raises:
        UserError: For an unknown kind or place.
    """
    check_choice('KIND', kind, KINDS)
    if kind in PLACES:
        option, values = PLACES[kind]
        check_choice(f'--{option}', place, values)
    if kind == 'discriminator':
        return discriminators(place, head)
    if kind == 'cyclegan-generator':
        return translation('resnet_9blocks', ResNetGenerator, f'generators.{place}.')
    if kind == 'cyclegan-discriminator':
        return translation('basic', PatchDiscriminator, f'discriminators.{place}.')
    return {**BACKBONES, **SEGMENTORS}[kind]

"""Networks of the official codes, whose weights can be converted to this library and back."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from mmseg.registry import MODELS
from torch import nn

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


def deeplab(
    network: str,
    decode: str,
    auxiliary: str | None = None,
    backbone: str = 'DeepLabV2ResNet',
    branches: int = 4,
) -> Layout:
    """Return the layout of a DeepLab-v2.

    Args:
        network: The official class or function.
        decode: Official name of the main classifier.
        auxiliary: Official name of the auxiliary classifier.
        backbone: 'DeepLabV2ResNet' or 'DeepLabV2VGG'.
        branches: Number of a classifier's four branches that the official code sums: 4, or the
            first 2 if its forward pass returns from inside the loop.
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
    two_of_four: dict[str, Any] = dict(
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


def fcn8s() -> Layout:
    """Return the layout of BDL's FCN-8s, which numbers the convolutions within their blocks."""
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


def discriminators(level: str, head: str | None = None) -> tuple[Layout, ...]:
    """Return the layouts of the official discriminators.

    Args:
        level: The output level in this library.
        head: Name of the head in this library; None: as in the shipped configs.
    """

    def layout(
        network: str,
        kind: type[GlobalDiscriminatorHead] | type[LocalDiscriminatorHead],
        names: Sequence[str] = (),
    ) -> Layout:
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


def translation(network: str, build: Callable[[], nn.Module], prefix: str) -> tuple[Layout, ...]:
    """Return the layout of a CycleGAN network."""
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
# Networks that a model here has twice: the option that selects one, and its values.
PLACES = {
    'discriminator': ('level', ('decode', 'auxiliary')),
    'cyclegan-generator': ('direction', ('source_to_target', 'target_to_source')),
    'cyclegan-discriminator': ('domain', ('source', 'target')),
}
KINDS = (*BACKBONES, *SEGMENTORS, *PLACES)


def find_layouts(
    kind: str, place: str | None = None, head: str | None = None
) -> tuple[Layout, ...]:
    """Return the layouts of the official networks of a kind, at least one.

    Args:
        kind: One of ``KINDS``.
        place: For the kinds in ``PLACES``: which of the two networks of this library it becomes.
        head: For discriminators: name of the head in this library.

    Raises:
        UserError: For an unknown kind or place.
    """
    check_choice('KIND', kind, KINDS)
    if kind in PLACES:
        option, values = PLACES[kind]
        check_choice(f'--{option}', place, values)
    if kind == 'discriminator':
        return discriminators(str(place), head)
    if kind == 'cyclegan-generator':
        return translation('resnet_9blocks', ResNetGenerator, f'generators.{place}.')
    if kind == 'cyclegan-discriminator':
        return translation('basic', PatchDiscriminator, f'discriminators.{place}.')
    return {**BACKBONES, **SEGMENTORS}[kind]

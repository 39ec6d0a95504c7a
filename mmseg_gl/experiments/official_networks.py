"""Networks of the official codes, whose weights can be converted to this library and back."""

import re
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
from mmseg_gl.models.backbones.mix_transformer import ARCHITECTURES, PARTS, RENAMED
from mmseg_gl.weights.layout import NOTHING, Layout

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
        unused=r'segmentor\.\w+_head\.branches\.[23]\.',
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
    return (Layout(network, build, prefix, renames=renames),)


def self_training(kind: str, arch: str | None = None, hrda: bool = False) -> Layout:
    """Return the layout of the networks in a checkpoint of DAFormer, HRDA or MIC.

    Such a file holds the student, its teacher, the ImageNet network and the teacher of MIC's masked
    images, as far as the run has them.

    Args:
        kind: The official head: 'DAFormerHead', 'SegFormerHead' or 'DLV2Head'.
        arch: 'b0' to 'b5' of MiT; None: ResNet-101-V1c.
        hrda: The head is inside HRDA's.
    """
    common = dict(num_classes=NUM_CLASSES, loss_decode=[])
    head: dict[str, Any]
    attention: dict[str, Any]
    if arch is None:
        backbone: dict[str, Any] = dict(type='ResNetV1c', depth=101)
        head = dict(type='DeepLabV2Head', in_channels=2048, in_index=3, dilations=(6, 12), **common)
        attention = head
    else:
        backbone = dict(type='MixTransformer', arch=arch)
        attention = dict(type='DAFormerHead', fusion='conv', **common)
        head = dict(type='DAFormerHead', **common)
        if kind == 'SegFormerHead':
            head = dict(attention, channels=SEGFORMER_CHANNELS)
    segmentor = dict(
        type='HRDAEncoderDecoder' if hrda else 'MultiOutputEncoderDecoder',
        backbone=backbone,
        decode_head=head,
        **(dict(scale_attention_head=attention) if hrda else {}),
    )
    options: dict[str, object] = {}
    if arch not in (None, 'b5'):
        options['model.segmentor.backbone.arch'] = arch
    renames = [*MIT_NAMES, (r'\.branches\.(\d)\.', r'.aspp_modules.\1.conv.')]
    if kind == 'SegFormerHead':
        options['model.segmentor.decode_head.fusion'] = 'conv'
        options['model.segmentor.decode_head.channels'] = SEGFORMER_CHANNELS
        renames += SEGFORMER_NAMES
    else:
        renames.append((r'\.embed_layers\.(\d)\.', r'.embed_layers.\1.proj.'))
    if hrda:
        renames.append((r'^decode_head\.', 'decode_head.head.'))
        renames.append((r'^scale_attention_head\.', 'decode_head.scale_attention.'))
    return Layout(
        f'{"HRDAHead of " if hrda else ""}{kind} on {f"mit_{arch}" if arch else "resnet101_v1c"}',
        partial(MODELS.build, segmentor),
        copies={
            'segmentor.': 'model.',
            'teacher.module.': 'ema_model.',
            'feature_distance.': 'imnet_model.',
            'masked.teacher.module.': 'mic.teacher.ema_model.',
        },
        renames=renames,
        matrices=r'\.(mlp\.fc\d|embed_layers\.\d\.proj|linear_c\d\.proj)\.weight$',
        stacked={'.attn.q.': {'.attn.q.': 1, '.attn.kv.': 2}},  # keys and values are one layer
        unused=r'feature_distance\.(?!backbone\.)',
        ignored=f'{DISCRIMINATOR}|{UNUSED_CLASSIFIER if kind == "SegFormerHead" else NOTHING}',
        options=options,
    )


# FCDiscriminator of a run that is adversarial, too; its names are those of no segmentation network.
DISCRIMINATOR = r'(?!.*\.(backbone|decode_head)\.).*\.(conv[1-4]|classifier)\.(weight|bias)$'
UNUSED_CLASSIFIER = r'.*\.conv_seg\.'  # SegFormerHead inherits it
SEGFORMER_CHANNELS = 768
SEGFORMER_NAMES = [
    *((rf'\.embed_layers\.{i}\.', f'.linear_c{i + 1}.proj.') for i in range(4)),
    (r'\.fuse_layer\.', '.linear_fuse.'),
    (r'\.conv_seg\.', '.linear_pred.'),
]
MIT_NAMES = [
    *(
        (rf'^backbone\.layers\.{stage}\.{number}\.', f'backbone.{part}{stage + 1}.')
        for stage in range(4)
        for part, number in PARTS.items()
    ),
    *((re.escape(ours), theirs) for theirs, ours in RENAMED.items() if ours),
]
ARCHS = tuple(ARCHITECTURES)[::-1]  # the published networks have the last, b5
SELF_TRAINING = (
    *(self_training('DAFormerHead', arch, hrda) for arch in ARCHS for hrda in (False, True)),
    *(self_training('SegFormerHead', arch) for arch in ARCHS),
    *(self_training('DLV2Head', hrda=hrda) for hrda in (False, True)),
)
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
    'daformer': SELF_TRAINING,  # with the code's DACS
    'hrda': SELF_TRAINING,
    'mic': SELF_TRAINING,
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
            matrices=r'^classifier\.\d\.weight',
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

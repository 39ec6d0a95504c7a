"""Convert weights of the official codes to this library's names, or back.

SRC is a file that an official code published or wrote, DST a new checkpoint with the names of this
library. With --reverse, SRC is a checkpoint of this library, converted or trained, and DST a file
for the official code.

Example:
    python tools/convert_weights.py advent advent_official.pth advent.pth

KIND                     SRC
  resnet101-caffe        ImageNet weights of ResNet-101 (AdaptSegNet's, OpenMMLab's)
  vgg16-caffe            ImageNet weights of VGG-16 with the classifier, which FCN-8s needs
  adaptsegnet            DeepLab-v2: multi-level, single-level or VGG-16; sums two branches of four
  advent                 DeepLab-v2 of ADVENT or MinEnt, multi-level or single-level
  bdl                    DeepLab-v2 or FCN-8s
  bdl-semantic           DeepLab-v2 of BDL's CycleGAN (cyclegan/deeplab.py); sums two branches
  global-local           DeepLab-v2 of the released global-local code
  daformer, hrda, mic    of these three codes: DAFormer's and SegFormer's heads on MiT, DeepLab-v2
  discriminator          of AdaptSegNet, BDL, ADVENT (global head) or global-local (local head)
  cyclegan-generator     of BDL's CycleGAN
  cyclegan-discriminator of BDL's CycleGAN

KIND also tells apart files that look alike: the multi-level networks of AdaptSegNet and ADVENT have
the same tensors, but the forward pass of AdaptSegNet uses fewer of them. For a discriminator or a
generator, DST holds that network alone; of daformer, hrda and mic it holds the student, its teacher
(tools/test.py --weights teacher), the ImageNet network and the teacher of the view `masked` (MIC on
a method without one, or with another momentum), as far as SRC has them.

Tensors without a counterpart in this library (unused branches, statistics of instance norms) and
the discriminators in files of hrda and mic are kept in DST beside the weights, for --reverse. A
checkpoint trained with this library lacks them; --reverse then writes default values, but no
discriminators. Training reads ImageNet files without conversion.
"""

import argparse
import os
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mmseg_gl.cli.parser import ToolParser
from mmseg_gl.cli.tool import run_tool
from mmseg_gl.errors import UserError, check_choice
from mmseg_gl.experiments.official_networks import KINDS, PLACES, find_layouts
from mmseg_gl.files import whole_file
from mmseg_gl.weights.files import first, read_checkpoint, tensors_of
from mmseg_gl.weights.layout import Layout, recognise


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__)
    parser.add_argument('kind', metavar='KIND', help=f'{", ".join(KINDS)}')
    parser.add_argument('src', metavar='SRC', help='file to read')
    parser.add_argument('dst', metavar='DST', help='file to write; must not exist')
    parser.add_argument(
        '--reverse', action='store_true', help='SRC is a checkpoint of this library'
    )
    for kind, (option, values) in PLACES.items():
        parser.add_argument(
            f'--{option}', metavar='|'.join(values), help=f'which of the two networks; for {kind}'
        )
    parser.add_argument(
        '--head',
        metavar='NAME',
        help='name of the head in your config, if not that of the shipped ones; for discriminator',
    )
    parser.add_argument(
        '--network',
        metavar='NAME',
        help='with --reverse: name of the official network, if several have the same tensors',
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    layouts = find_layouts(args.kind, place_of(args), args.head)
    check_destination(args.dst)
    contents = read_checkpoint(args.src)
    weights = tensors_of(contents)
    if not weights:
        raise UserError(f'{args.src} contains no named tensors, so it is not a weights file')
    try:
        if args.reverse:
            converted = to_official(layouts, weights, contents.get('official'), args.network)
        else:
            converted = to_own(layouts, weights)
    except UserError as error:
        raise UserError(f'{args.src}: {error}') from error
    with whole_file(args.dst) as file:
        torch.save(converted, file)
    print(f'wrote {args.dst}')


def place_of(args: argparse.Namespace) -> str | None:
    """Return which of its two networks a kind stands for; None for kinds with only one."""
    for kind, (option, _) in PLACES.items():
        if kind != args.kind and getattr(args, option) is not None:
            raise UserError(f'--{option} is for the kind {kind}, not for {args.kind}; drop it')
    if args.head and args.kind != 'discriminator':
        raise UserError(f'--head is for the kind discriminator, not for {args.kind}; drop it')
    if args.network and not args.reverse:
        raise UserError('--network is for --reverse; official files are recognised by their names')
    if args.kind not in PLACES:
        return None
    option, values = PLACES[args.kind]
    if getattr(args, option) is None:
        raise UserError(f'the kind {args.kind} needs --{option} {" or ".join(values)}')
    return getattr(args, option)


def check_destination(path: str) -> None:
    folder = os.path.dirname(path) or '.'
    if os.path.exists(path):
        raise UserError(f'{path} exists and will not be overwritten; choose another DST')
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise UserError(f'cannot write to the folder {folder}; create it, or choose another DST')


def to_own(layouts: Sequence[Layout], weights: dict[str, Tensor]) -> dict[str, Any]:
    """Convert the weights of an official file to a checkpoint; print how each was used."""
    layout = recognise(layouts, weights, own=False)
    own, left, filled = layout.to_own(weights)
    print(f'{layout.network}: mapped {len(weights) - len(left)} of {len(weights)} tensors')
    if left:
        print(f'left out, but kept in the file for --reverse: {len(left)} ({first(left)})')
    if filled:
        print(f'0, as the file lacks them: {len(filled)} ({first(filled)})')
    options = ' '.join(f'{key}={value}' for key, value in layout.options.items())
    if options:
        print(f'use it with:\n  --cfg-options {options}')
    return dict(
        meta=dict(official_network=layout.network, cfg_options=options),
        state_dict=own,
        official=dict(network=layout.network, names=list(weights), left=left),
    )


def to_official(
    layouts: Sequence[Layout], weights: dict[str, Tensor], record: Any, network: str | None
) -> dict[str, Tensor]:
    """Convert a checkpoint to the tensors of an official network; print how each was used.

    Args:
        layouts: Layouts of the possible official networks.
        weights: Weights by name in this library.
        record: Facts about the official file, kept by :func:`to_own`; ignored unless a dict.
        network: Name of the official network; None to find it out.
    """
    record = record if isinstance(record, dict) else {}
    networks = [layout.network for layout in layouts]
    if network:
        check_choice('--network', network, networks)
    elif record.get('network') in networks:
        network = record['network']
    layouts = [layout for layout in layouts if network in (None, layout.network)]
    layout = recognise(layouts, weights, own=True)
    left, names = {}, None
    if record.get('network') == layout.network:
        left, names = record['left'], record['names']
    official, defaults = layout.to_official(weights, left, names)
    print(f'{layout.network}: mapped {len(layout.rows)} of {len(weights)} tensors')
    if left:
        print(f'restored, as they were in the official file: {len(left)} ({first(left)})')
    if defaults:
        print(f'default values, as the file lacks them: {len(defaults)} ({first(defaults)})')
    return official


if __name__ == '__main__':
    run_tool(main)

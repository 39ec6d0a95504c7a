"""Convert official weights: python tools/convert_weights.py KIND SRC DST [--reverse].

SRC is a file as the official codes publish or write it, DST a new checkpoint in this library's
names; with --reverse it is the other way round, also for what was trained here.

KIND                     SRC
  resnet101-caffe        ImageNet weights of ResNet-101 (AdaptSegNet's, OpenMMLab's)
  vgg16-caffe            ImageNet weights of VGG-16 with the classifier, which FCN-8s needs
  adaptsegnet            DeepLab-v2: multi-level, single-level or VGG-16; sums two branches of four
  advent                 DeepLab-v2 of ADVENT or MinEnt, multi-level or single-level
  bdl                    DeepLab-v2 or FCN-8s
  bdl-semantic           DeepLab-v2 of BDL's CycleGAN (cyclegan/deeplab.py); sums two branches
  global-local           DeepLab-v2 of the released global-local code
  discriminator          of AdaptSegNet, BDL, ADVENT (global head) or global-local (local head)
  cyclegan-generator     of BDL's CycleGAN
  cyclegan-discriminator of BDL's CycleGAN

KIND decides where files look alike: AdaptSegNet's and ADVENT's multi-level networks have the same
tensors, of which AdaptSegNet's forward pass uses fewer. A discriminator's or generator's DST holds
that network alone.

Tensors that have no place here (unused branches, statistics of instance norms) are kept in DST
beside the weights for --reverse; a checkpoint trained here lacks them, and default values are
written. ImageNet files are read as they are by training; they need no conversion.
"""

import argparse
import os

import torch

from mmseg_gl.cli.parser import ToolParser
from mmseg_gl.cli.tool import run_tool
from mmseg_gl.errors import UserError, check_choice
from mmseg_gl.experiments.official_networks import KINDS, PLACES, find_layouts
from mmseg_gl.files import whole_file
from mmseg_gl.weights.files import first, read_checkpoint, tensors_of
from mmseg_gl.weights.layout import recognise


def parse_args():
    parser = ToolParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('kind', metavar='KIND', help=f'{", ".join(KINDS)}')
    parser.add_argument('src', metavar='SRC', help='file to read')
    parser.add_argument('dst', metavar='DST', help='file to write; must not exist')
    parser.add_argument(
        '--reverse', action='store_true', help='SRC is a checkpoint of this library'
    )
    for kind, (option, values) in PLACES.items():
        parser.add_argument(
            f'--{option}', metavar='|'.join(values), help=f'which of the two here; for {kind}'
        )
    parser.add_argument(
        '--head',
        metavar='NAME',
        help="the head's name here, if not the shipped configs'; for discriminator",
    )
    parser.add_argument(
        '--network',
        metavar='NAME',
        help='with --reverse: the official network, where several have the same tensors',
    )
    return parser.parse_args()


def main():
    args = parse_args()
    layouts = find_layouts(args.kind, place_of(args), args.head)
    check_destination(args.dst)
    contents = read_checkpoint(args.src)
    weights = tensors_of(contents)
    if not weights:
        raise UserError(f'{args.src} holds no named tensors; it is not a file of weights')
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


def place_of(args):
    """Return which of two networks is meant, None for kinds of which there is one."""
    for kind, (option, _) in PLACES.items():
        if kind != args.kind and getattr(args, option) is not None:
            raise UserError(f'--{option} is for the kind {kind}, not for {args.kind}; drop it')
    if args.head and args.kind != 'discriminator':
        raise UserError(f'--head is for the kind discriminator, not for {args.kind}; drop it')
    if args.network and not args.reverse:
        raise UserError('--network is for --reverse; official files are told apart by their names')
    if args.kind not in PLACES:
        return None
    option, values = PLACES[args.kind]
    if getattr(args, option) is None:
        raise UserError(f'the kind {args.kind} needs --{option} {" or ".join(values)}')
    return getattr(args, option)


def check_destination(path):
    folder = os.path.dirname(path) or '.'
    if os.path.exists(path):
        raise UserError(f'{path} exists and is not overwritten; choose another DST')
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise UserError(f'cannot write to the folder {folder}; make it, or choose another DST')


def to_own(layouts, weights):
    """Return the checkpoint of an official file's weights, and say what became of them."""
    layout = recognise(layouts, weights, own=False)
    own, left, filled = layout.to_own(weights)
    print(f'{layout.network}: mapped {len(weights) - len(left)} of {len(weights)} tensors')
    if left:
        print(f'left out, but kept in the file for --reverse: {len(left)} ({first(left)})')
    if filled:
        print(f'0, as the file lacks them: {len(filled)} ({first(filled)})')
    options = ' '.join(f'{key}={value}' for key, value in layout.options.items())
    if options:
        print(f'this network sums two branches, so use it with:\n  --cfg-options {options}')
    return dict(
        meta=dict(official_network=layout.network, cfg_options=options),
        state_dict=own,
        official=dict(network=layout.network, names=list(weights), left=left),
    )


def to_official(layouts, weights, record, network):
    """Return the official tensors of a checkpoint's network, and say what became of them.

    Args:
        layouts (Sequence[Layout]): Of the official networks that it may become.
        weights (dict[str, Tensor]): By own name.
        record (dict | None): What :func:`to_own` noted of the official file.
        network (str | None): Name of the official network.
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

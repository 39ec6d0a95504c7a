"""Draw procedural street scenes: images and labels of a source and a target domain.

Writes the data sets in the folder layout of GTA5 or SYNTHIA (source) and Cityscapes (target). The
same settings always give the same files; the same command resumes an interrupted run.

Example:
    python tools/make_street_scenes.py data/street_scenes
"""

import argparse
import os
import time

from mmseg_gl.cli.parser import ToolParser, image_size, whole_number
from mmseg_gl.cli.progress import progress
from mmseg_gl.cli.tool import run_tool
from mmseg_gl.errors import UserError
from mmseg_gl.files import make_folder, write_bytes
from mmseg_gl.street_scenes import StreetScenesConfig, generate, preview
from mmseg_gl.street_scenes.config import CLUTTER_KINDS, SOURCE_FORMATS
from mmseg_gl.visualization.encoding import encoded


def main() -> None:
    args = parse_args()
    if os.path.normpath(args.out) in ('.', '/'):
        raise UserError('OUT must be a folder of its own, not the current folder or /')
    colour_gap, camera_gap, layout_gap = args.gap
    height, width = args.size
    config = StreetScenesConfig(
        seed=args.seed,
        height=height,
        width=width,
        train=args.train,
        val=args.val,
        source_format=args.source_format,
        colour_gap=colour_gap,
        camera_gap=camera_gap,
        layout_gap=layout_gap,
        source_clutter=args.source_clutter,
        target_clutter=args.target_clutter,
        clutter=args.clutter,
    )
    if args.preview:
        out, picture = os.path.realpath(args.out), os.path.realpath(args.preview)
        if os.path.commonpath([out, picture]) == out:
            raise UserError(f'--preview {args.preview} is inside {args.out}; name a file elsewhere')
        write_preview(config, args.preview)
    start = time.monotonic()
    written = generate(config, args.out, workers=args.workers, progress=progress)
    content = (
        f'{config.train} source, {config.train} target training and '
        f'{config.val} target validation images'
    )
    if written:
        print(f'wrote {content} to {args.out} in {time.monotonic() - start:.1f} s')
    else:
        print(f'already there: {content} in {args.out}')


def parse_args() -> argparse.Namespace:
    defaults = StreetScenesConfig()
    parser = ToolParser(description=__doc__)
    parser.add_argument('out', help='output folder')

    def option(name: str, about: str, **kwargs) -> None:
        default = getattr(defaults, name.replace('-', '_'))
        about += '; default: %(default)s'
        parser.add_argument(f'--{name}', default=default, help=about, **kwargs)

    option('seed', 'random seed', type=int)
    parser.add_argument(
        '--size',
        type=image_size,
        default=(defaults.height, defaults.width),
        metavar='HxW',
        help=f'pixels; default: {defaults.height}x{defaults.width}',
    )
    option('train', 'number of source images, and also of target training images', type=int)
    option('val', 'number of target validation images', type=int)
    option('source-format', 'format of the source', choices=SOURCE_FORMATS)
    parser.add_argument(
        '--gap',
        type=float,
        nargs=3,
        default=(defaults.colour_gap, defaults.camera_gap, defaults.layout_gap),
        metavar=('COLOUR', 'CAMERA', 'LAYOUT'),
        help='distance of the target from the source, 0 to 1 each; default: %(default)s',
    )
    option('clutter', 'kind of unlabelled objects', choices=CLUTTER_KINDS)
    for domain in ('source', 'target'):
        parser.add_argument(
            f'--{domain}-clutter',
            type=float,
            metavar='X',
            help=f'mean number of unlabelled objects per {domain} image; default: depends on '
            '--clutter',
        )
    parser.add_argument(
        '--workers',
        type=whole_number(1),
        metavar='N',
        help='number of processes; default: one per core',
    )
    parser.add_argument(
        '--preview',
        metavar='FILE.png',
        help='also write a picture of some images and labels, source above, target below',
    )
    return parser.parse_args()


def write_preview(config: StreetScenesConfig, path: str) -> None:
    """Write the montage of both domains as a PNG.

    Raises:
        UserError: If the name does not end in .png, the file exists or it cannot be written.
    """
    if not path.lower().endswith('.png'):
        raise UserError(f'--preview {path}: expected a name that ends in .png')
    if os.path.exists(path):
        raise UserError(f'--preview {path} exists; name a new file')
    make_folder(os.path.dirname(path) or '.', '--preview')
    write_bytes(path, encoded(preview(config)))


if __name__ == '__main__':
    run_tool(main)

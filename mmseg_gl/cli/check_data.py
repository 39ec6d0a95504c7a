"""Check the data of a config: python tools/check_data.py CONFIG.

Opens every image and label and says what is there, missing or broken. The exit code is 0 if all is
well, 1 if there is trouble with the data, 2 if the command cannot be carried out.
"""

import argparse
import os
import sys

from mmseg_gl.cli.parser import ToolParser, add_cfg_options
from mmseg_gl.cli.tool import run_tool
from mmseg_gl.config.load import load_config
from mmseg_gl.datasets.content_check import check_dataset
from mmseg_gl.datasets.inspection import datasets_of
from mmseg_gl.errors import UserError


def parse_args():
    parser = ToolParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file')
    add_cfg_options(parser)
    parser.add_argument(
        '--max-images',
        type=int,
        metavar='N',
        help='open only N images of each data set, spread evenly; default: all',
    )
    parser.add_argument(
        '--workers',
        type=int,
        default=os.cpu_count() or 1,
        metavar='N',
        help='number of processes; default: one per core',
    )
    return parser.parse_args()


def main():
    args = parse_args()
    for option, value in (('--max-images', args.max_images), ('--workers', args.workers)):
        if value is not None and value < 1:
            raise UserError(f'{option} {value}: expected at least 1')
    datasets = datasets_of(load_config(args.config, args.cfg_options, required=()))
    if not datasets:
        raise UserError(f'the config {args.config} has no data sets')
    troubles = {}
    for name, cfg in datasets.items():
        report = check_dataset(name, cfg, args.max_images, args.workers, show_progress)
        print('\n'.join(report.lines()), flush=True)
        if report.num_troubles:
            troubles[name] = report.num_troubles
    if troubles:
        print('trouble: ' + ', '.join(f'{count} in {name}' for name, count in troubles.items()))
        return 1
    print('all is well')
    return 0


def show_progress(done, total):
    """Rewrite one line on a terminal; elsewhere print a line per quarter of long checks."""
    if sys.stdout.isatty():
        print(f'\r{done}/{total} images', end='\n' if done == total else '', flush=True)
    elif total >= 1000 and done * 4 // total > (done - 1) * 4 // total:
        print(f'{done}/{total} images', flush=True)


if __name__ == '__main__':
    run_tool(main)

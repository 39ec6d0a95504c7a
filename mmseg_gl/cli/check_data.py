"""Check the data sets of a config.

Opens every image and label and reports what is there, missing or broken. The exit code is 0 if
everything is in order, 1 if there is trouble with the data, 2 if the check cannot be carried out.

Example:
    python tools/check_data.py configs/adaptsegnet/adaptsegnet_deeplabv2-tiny_street-scenes.py
"""

import argparse
import os

from mmseg_gl.cli.parser import ToolParser, add_cfg_options, whole_number
from mmseg_gl.cli.progress import progress
from mmseg_gl.cli.tool import run_tool
from mmseg_gl.config.load import load_config
from mmseg_gl.datasets.content_check import check_dataset
from mmseg_gl.datasets.inspection import datasets_of
from mmseg_gl.errors import UserError


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__)
    parser.add_argument('config', help='config file')
    add_cfg_options(parser)
    parser.add_argument(
        '--max-images',
        type=whole_number(1),
        metavar='N',
        help='open only N evenly spaced images of each data set; default: all',
    )
    parser.add_argument(
        '--workers',
        type=whole_number(1),
        default=os.cpu_count() or 1,
        metavar='N',
        help='number of processes; default: one per core',
    )
    return parser.parse_args()


def main() -> int:
    args = parse_args()
    datasets = datasets_of(load_config(args.config, args.cfg_options, required=()))
    if not datasets:
        raise UserError(f'the config {args.config} has no data sets')
    troubles = {}
    for name, cfg in datasets.items():
        report = check_dataset(name, cfg, args.max_images, args.workers, progress)
        print('\n'.join(report.lines()), flush=True)
        if report.num_troubles:
            troubles[name] = report.num_troubles
    if troubles:
        print('problems: ' + ', '.join(f'{count} in {name}' for name, count in troubles.items()))
        return 1
    print('no problems found')
    return 0


if __name__ == '__main__':
    run_tool(main)

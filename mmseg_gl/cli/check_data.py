"""Check the data sets of a config and the ImageNet weights that it starts from.

Opens every file and reports which ones are missing or broken. The exit code is 0 if
everything is in order, 1 if there are problems with the data, 2 if the check itself fails.

Example:
    python tools/check_data.py configs/adaptsegnet/adaptsegnet_deeplabv2-tiny_street-scenes.py
"""

import argparse
import json
import os
from collections.abc import Iterator
from functools import partial

from mmengine.config import Config
from mmseg.registry import DATASETS

from mmseg_gl.cli.parser import ToolParser, add_cfg_options, whole_number
from mmseg_gl.cli.progress import progress
from mmseg_gl.cli.tool import run_tool
from mmseg_gl.config.load import load_config
from mmseg_gl.datasets.class_statistics import class_statistics
from mmseg_gl.datasets.content_check import check_dataset
from mmseg_gl.datasets.data_report import DataReport
from mmseg_gl.datasets.inspection import LABEL_LOADERS, datasets_of
from mmseg_gl.engine.pretrained import faults_of_files
from mmseg_gl.errors import UserError
from mmseg_gl.files import write_text


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
    parser.add_argument(
        '--json',
        metavar='FILE',
        help='also write pixels and images per class, of all labels of each data set, to a new '
        'file; rare-class sampling then uses the same statistics without counting again',
    )
    return parser.parse_args()


def main() -> int:
    args = parse_args()
    if args.json and os.path.exists(args.json):
        raise UserError(f'--json {args.json} exists; name a new file')
    config = load_config(args.config, args.cfg_options, required=())
    datasets = datasets_of(config)
    if not datasets:
        raise UserError(f'the config {args.config} has no data sets')
    troubles, statistics = {}, {}
    for name, cfg in datasets.items():
        report = check_dataset(name, cfg, args.max_images, args.workers, progress)
        print('\n'.join(report.lines()), flush=True)
        if report.num_troubles:
            troubles[name] = report.num_troubles
        if args.json and report.images:
            statistics[name] = statistics_of(cfg)
    for report in reports_on_weights(config):
        print('\n'.join(report.lines()), flush=True)
        if report.num_troubles:
            troubles['the weights'] = report.num_troubles
    if args.json:
        write_text(args.json, json.dumps(statistics, indent=1) + '\n')
    if troubles:
        print('problems: ' + ', '.join(f'{count} in {name}' for name, count in troubles.items()))
        return 1
    print('no problems found')
    return 0


def reports_on_weights(cfg: Config) -> Iterator[DataReport]:
    """Yield a report on each file of ImageNet weights that a training of a config would read."""
    model, required = cfg.get('model') or {}, cfg.get('required_options') or {}
    starts_trained = cfg.get('load_from') or 'load_from' in required
    if starts_trained or model.get('type') == 'CycleGAN' or not model.get('segmentor'):
        return
    for path, fault in faults_of_files(model.segmentor).items():
        report = DataReport(f'weights: {path}' + ('' if fault else ' (found)'))
        if fault:
            report.add_trouble('weights that cannot be used', fault)
        yield report


def statistics_of(cfg: dict) -> dict:
    """Return the class statistics of a data set.

    Args:
        cfg: Config of the data set.

    Returns:
        ``images``, their number; if labels are loaded, also ``unusable_labels``, their number, and
        ``classes``: for each name ``pixels`` and the number of ``images`` that have any.
    """
    dataset = DATASETS.build(cfg)
    if not any(step['type'] in LABEL_LOADERS for step in cfg['pipeline']):
        return dict(images=len(dataset))
    found = class_statistics(dataset, partial(progress, what='labels'))
    pixels, images = found.pixels.sum(axis=0), (found.pixels > 0).sum(axis=0)
    return dict(
        images=len(dataset),
        unusable_labels=len(found.errors),
        classes={
            name: dict(pixels=int(pixels[c]), images=int(images[c]))
            for c, name in enumerate(dataset.metainfo['classes'])
        },
    )


if __name__ == '__main__':
    run_tool(main)

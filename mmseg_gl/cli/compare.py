"""Compare methods over several seeds.

Trains and tests every config with every seed, then writes a report of all finished runs of the work
dir: tables (report.md), learning curves (curves.png) and predictions (report.png). Finished runs
found there are reused and unfinished ones resumed, so that a comparison can grow.

Examples:
    python tools/compare.py CONFIG_A.py CONFIG_B.py --seeds 0 1 2 --work-dir work_dirs/ab
    python tools/compare.py CONFIG_B.py --seeds 0 1 2 --work-dir work_dirs/ab \\
        --grid model.heads.local_head.loss_weights.decode=0.001,0.01
"""

import argparse
import re
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from mmengine.config import Config

from mmseg_gl.cli.parser import SEED, ConfigOptions, ToolParser, whole_number
from mmseg_gl.cli.tool import run_tool, shell_command
from mmseg_gl.config.load import check_required_options, load_config
from mmseg_gl.datasets.inspection import LABEL_LOADERS, check_files
from mmseg_gl.errors import UserError
from mmseg_gl.experiments.compared_run import RECORD, ComparedRun
from mmseg_gl.experiments.comparison_report import check_report, write_report
from mmseg_gl.experiments.grid import combinations
from mmseg_gl.experiments.places import (
    config_name,
    find_row,
    finished_runs,
    place_of,
    row_names,
    run_dir,
)
from mmseg_gl.experiments.run_result import DEFAULT_SCORE
from mmseg_gl.experiments.tool_process import run_all
from mmseg_gl.files import make_folder

REQUIRED = ('model', 'train_dataloader', 'test_dataloader')


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__)
    parser.add_argument('configs', nargs='+', metavar='CONFIG', help='config files')
    parser.add_argument(
        '--seeds', nargs='+', type=SEED, default=[0], help='random seeds (default: 0)'
    )
    parser.add_argument(
        '--work-dir', default='work_dirs/compare', help='output folder (default: %(default)s)'
    )
    parser.add_argument(
        '--jobs',
        type=whole_number(1),
        default=1,
        help="number of runs at the same time, which share PyTorch's threads (default: 1)",
    )
    parser.add_argument(
        '--baseline',
        metavar='NAME',
        help='row of the report, or config, to which the others are compared seed by seed',
    )
    parser.add_argument(
        '--choose-by',
        type=score_name,
        default=DEFAULT_SCORE,
        metavar='SCORE',
        help='score of validations that chooses a checkpoint of each run, and a value of each '
        'grid, without target labels (default: %(default)s)',
    )
    parser.add_argument(
        '--grid',
        action='append',
        default=[],
        metavar='KEY=A,B',
        help='train every config with each of these values; several --grid: with each combination',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action='extend',
        default=[],
        metavar='KEY=VALUE',
        help='change settings of all configs',
    )
    return parser.parse_args()


def score_name(text: str) -> str:
    """Parse the name of a score, which mIoU is not: it needs labels of the target."""
    if not re.fullmatch(r'(score|source)/\S+', text):
        raise argparse.ArgumentTypeError(f'{text}: expected score/NAME or source/mIoU')
    return text


def main() -> None:
    args = parse_args()
    args.seeds = list(dict.fromkeys(args.seeds))
    values = combinations(args.grid)
    make_folder(args.work_dir, '--work-dir')
    check_report(args.work_dir)
    if len(set(map(config_name, args.configs))) < len(set(args.configs)):
        raise UserError('two of the configs have the same file name; rename one')
    rows = {
        place_of(path, own): (path, [*args.cfg_options, *own])
        for path in args.configs
        for own in values
    }
    configs = {place: checked_config(*row) for place, row in rows.items()}
    names = row_names([*rows, *finished_runs(args.work_dir, RECORD)])
    baseline = find_row(args.baseline, names) if args.baseline else None
    runs = []
    for seed in args.seeds:
        for place, (path, options) in reversed(rows.items()):  # the last one is often the longest
            folder = run_dir(args.work_dir, place, seed)
            runs.append(ComparedRun(names[place], path, seed, folder, options))
            runs[-1].check_settings(configs[place])
    todo = [run for run in runs if not run.is_done()]
    for run in runs:
        if run not in todo:
            print(f'{run.name}: already done, reusing {run.dir}')
    execute_all(todo, args.jobs)
    command = shell_command('compare', sys.argv[1:])
    tables = write_report(args.work_dir, configs, args.seeds[0], args.choose_by, baseline, command)
    print(f'\n{tables}\n\nwrote {args.work_dir}/report.md and its pictures')


def checked_config(path: str, options: Sequence[str]) -> Config:
    """Load a config with its options, and check that its data is there and labelled."""
    cfg = load_config(path, parse_options(options), REQUIRED)
    if not any(s['type'] in LABEL_LOADERS for s in cfg.test_dataloader.dataset.pipeline):
        raise UserError(
            f'the test_dataloader of {path} loads no labels (LoadTrainIds), so no metric '
            'can be computed; give it labelled images'
        )
    check_required_options(cfg)
    check_files(cfg, ('train', 'val', 'test'))
    return cfg


def parse_options(options: Sequence[str]) -> dict[str, Any] | None:
    parser = ToolParser()
    parser.add_argument('--cfg-options', nargs='+', action=ConfigOptions)
    return parser.parse_args(['--cfg-options', *options] if options else []).cfg_options


def execute_all(runs: Sequence[ComparedRun], jobs: int) -> None:
    """Execute runs, ``jobs`` at a time, and print their progress at intervals."""
    threads = max(1, torch.get_num_threads() // jobs)

    def show(clock: str) -> None:
        for number, run in enumerate(runs, 1):
            if run.state in ('training', 'testing'):
                which = f'run {number} of {len(runs)}, {run.name}'
                print(f'[{clock}] {which}: {run.progress()}', flush=True)

    def stop() -> None:
        for run in runs:
            run.stop()

    run_all([partial(run.execute, threads) for run in runs], stop, show, jobs)


if __name__ == '__main__':
    run_tool(main)

"""Compare methods over several seeds.

Trains and tests every config with every seed, then writes a table (report.md) and a picture
(report.png) to the work dir. Finished runs found there are reused and unfinished ones resumed.

Example:
    python tools/compare.py CONFIG_A.py CONFIG_B.py --seeds 0 1 2 --work-dir work_dirs/ab
"""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from mmengine.config import Config

from mmseg_gl.cli.parser import SEED, ConfigOptions, ToolParser, whole_number
from mmseg_gl.cli.tool import run_tool, shell_command
from mmseg_gl.config.load import check_required_options, load_config
from mmseg_gl.datasets.inspection import LABEL_LOADERS, check_files
from mmseg_gl.engine.checkpoint import newest_whole_checkpoint
from mmseg_gl.engine.resumption import settings_of
from mmseg_gl.errors import UserError
from mmseg_gl.experiments.comparison import collect, prediction_montage, read_metrics, table
from mmseg_gl.experiments.recorded_folder import differences
from mmseg_gl.experiments.tool_process import ToolProcess, run_all
from mmseg_gl.files import make_folder, read_record, write_text

REQUIRED = ('model', 'train_dataloader', 'test_dataloader')
TITLE = '# Comparison'  # begins report.md
RECORD = 'compare.json'  # in the folder of a run: the settings with which it was started


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
        help='number of runs at the same time, which share the CPU cores (default: 1)',
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


@dataclass
class Run:
    """One run of the comparison: a config, trained and tested with one seed."""

    method: str
    config: str
    seed: int
    dir: str
    options: list[str] = field(default_factory=list)
    state: str = 'waiting'
    process: ToolProcess | None = None

    @property
    def name(self) -> str:
        return f'{self.method}, seed {self.seed}'

    def is_done(self) -> bool:
        return read_metrics(self.dir) is not None and os.path.isdir(
            os.path.join(self.dir, 'test', 'predictions')
        )

    def execute(self, threads: int) -> None:
        """Train, or resume training, and test in subprocesses of ``threads`` threads each."""
        self.state = 'training'
        arguments = ['--work-dir', self.dir, '--seed', str(self.seed), '--resume']
        self.call('train', [self.config, *arguments], threads)
        self.state = 'testing'
        newest = newest_whole_checkpoint(self.dir)
        if newest is None:
            raise UserError(f'{self.name}: training wrote no checkpoint to {self.dir}')
        checkpoint, _ = newest
        test_dir = os.path.join(self.dir, 'test')
        predictions = os.path.join(test_dir, 'predictions')
        shutil.rmtree(predictions, ignore_errors=True)  # of a test that was interrupted
        arguments = ['--work-dir', test_dir, '--out', predictions]
        self.call('test', [self.config, checkpoint, *arguments], threads)
        self.state = 'done'
        print(f'{self.name}: done', flush=True)

    def call(self, tool: str, arguments: Sequence[object], threads: int) -> None:
        options = ['--cfg-options', *self.options] if self.options else []
        self.process = ToolProcess(
            self.name,
            tool,
            [*arguments, *options],
            os.path.join(self.dir, 'compare.log'),
            threads,
        )
        try:
            self.process.run()
        except UserError:
            self.state = 'failed'
            raise

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()

    def progress(self) -> str:
        """Return the state of the run, e.g. 'training 400/1000, eta 0:01:10'."""
        detail = self.process.progress() if self.state == 'training' and self.process else None
        return f'{self.state} {detail}' if detail else self.state


def main() -> None:
    args = parse_args()
    args.seeds = list(dict.fromkeys(args.seeds))
    make_folder(args.work_dir, '--work-dir')
    check_report(args.work_dir)
    options = parse_options(args.cfg_options)
    configs = {path: load_config(path, options, REQUIRED) for path in args.configs}
    for path, cfg in configs.items():
        if not any(s['type'] in LABEL_LOADERS for s in cfg.test_dataloader.dataset.pipeline):
            raise UserError(
                f'the test_dataloader of {path} loads no labels (LoadTrainIds), so no metric '
                'can be computed; give it labelled images'
            )
        check_required_options(cfg)
        check_files(cfg, ('train', 'val', 'test'))
    methods = dict(zip(configs, method_names(list(configs))))
    runs = [
        Run(methods[path], path, seed, run_dir(args.work_dir, path, seed), args.cfg_options)
        for seed in args.seeds
        for path in reversed(configs)  # the last column is usually the longest run: start with it
    ]
    for run in runs:
        check_same_config(run, configs[run.config])
    todo = [run for run in runs if not run.is_done()]
    for run in runs:
        if run not in todo:
            print(f'{run.name}: already done, reusing {run.dir}')
    execute_all(todo, args.jobs)

    results = {
        methods[path]: collect([run_dir(args.work_dir, path, seed) for seed in args.seeds])
        for path in configs
    }
    report = table(results, args.seeds)
    print(f'\n{report}\n')
    write_report(args, report)
    picture = prediction_montage(
        configs[args.configs[0]].test_dataloader.dataset,
        {methods[path]: run_dir(args.work_dir, path, args.seeds[0]) for path in configs},
    )
    picture.save(os.path.join(args.work_dir, 'report.png'))
    print(f'wrote {args.work_dir}/report.md and {args.work_dir}/report.png')


def check_report(work_dir: str) -> None:
    """Raise a UserError if report.md is not by this tool, or if report.png exists without it."""
    text, picture = (os.path.join(work_dir, f'report.{suffix}') for suffix in ('md', 'png'))
    ours = False
    if os.path.isfile(text):
        with open(text, errors='replace') as file:
            ours = file.read().startswith(TITLE)
    for path in (text, picture):
        if os.path.lexists(path) and not ours:
            raise UserError(
                f'{path} was not written by this tool; move it, or choose another --work-dir'
            )


def parse_options(options: Sequence[str]) -> dict[str, Any] | None:
    parser = ToolParser()
    parser.add_argument('--cfg-options', nargs='+', action=ConfigOptions)
    return parser.parse_args(['--cfg-options', *options] if options else []).cfg_options


def config_name(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]


def run_dir(work_dir: str, config: str, seed: int) -> str:
    return os.path.join(work_dir, config_name(config), f'seed_{seed}')


def method_names(configs: Sequence[str]) -> list[str]:
    """Name configs by the parts of their file names that differ between them.

    Raises:
        UserError: If two configs have the same file name.
    """
    names = [config_name(path).split('_') for path in configs]
    if len(set(map(tuple, names))) < len(names):
        raise UserError('two of the configs have the same file name; rename one')
    if len(names) == 1:
        return [names[0][0]]
    shared = set.intersection(*map(set, names))
    short = ['_'.join(part for part in name if part not in shared) for name in names]
    distinct = all(short) and len(set(short)) == len(short)
    return short if distinct else ['_'.join(name) for name in names]


def check_same_config(run: Run, cfg: Config) -> None:
    """Record the settings of a new run; raise a UserError if its folder has other settings."""
    path, settings = os.path.join(run.dir, RECORD), settings_of(cfg)
    before = read_record(path)
    if before is None:
        make_folder(run.dir, '--work-dir')
        write_text(path, json.dumps(settings, indent=1))
    elif changed := differences(before, settings):
        raise UserError(
            f'{run.dir} holds a run of {run.config} with different settings ('
            f'{", ".join(changed)}); choose another --work-dir or delete that folder'
        )


def execute_all(runs: Sequence[Run], jobs: int) -> None:
    """Execute runs, ``jobs`` at a time, and print their progress at intervals."""
    threads = max(1, (os.cpu_count() or 1) // jobs)

    def show(clock: str) -> None:
        for run in runs:
            if run.state in ('training', 'testing'):
                print(f'[{clock}] {run.name}: {run.progress()}', flush=True)

    def stop() -> None:
        for run in runs:
            run.stop()

    run_all([partial(run.execute, threads) for run in runs], stop, show, jobs)


def write_report(args: argparse.Namespace, report: str) -> None:
    """Write report.md with the command that reproduces it."""
    command = shell_command('compare', sys.argv[1:])
    write_text(
        os.path.join(args.work_dir, 'report.md'),
        f'{TITLE}\n\nMade by `{command}`.\n\n{report}\n\n'
        f'Predictions of seed {args.seeds[0]}, last iterate:\n\n![predictions](report.png)\n',
    )


if __name__ == '__main__':
    run_tool(main)

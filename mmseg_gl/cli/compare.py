"""Compare methods over seeds: python tools/compare.py CONFIG... --seeds 0 1 2 --work-dir DIR.

Trains and tests every config with every seed, going on with what is unfinished and reusing what is
done, and writes one table (report.md) and one picture (report.png) to the work dir.
"""

import argparse
import os
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from mmseg_gl.cli.parser import ConfigOptions, ToolParser
from mmseg_gl.cli.tool import run_tool, shell_command
from mmseg_gl.config.load import load_config
from mmseg_gl.config.run_config import is_settings
from mmseg_gl.datasets.inspection import LABEL_LOADERS, check_files
from mmseg_gl.engine.checkpoint import newest_whole_checkpoint
from mmseg_gl.engine.resumption import read_settings
from mmseg_gl.errors import UserError
from mmseg_gl.experiments.comparison import collect, prediction_montage, read_metrics, table
from mmseg_gl.experiments.tool_process import ToolProcess
from mmseg_gl.files import make_folder

REQUIRED = ('model', 'train_dataloader', 'test_dataloader')
TITLE = '# Comparison'  # begins report.md
STATUS_INTERVAL = 15  # seconds between progress lines


def parse_args():
    parser = ToolParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+', metavar='CONFIG')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0])
    parser.add_argument('--work-dir', default='work_dirs/compare')
    parser.add_argument('--jobs', type=int, default=1, help='runs at once, sharing the CPU cores')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='change every config in the same way',
    )
    return parser.parse_args()


@dataclass
class Run:
    """One config trained and tested with one seed."""

    method: str
    config: str
    seed: int
    dir: str
    options: list = field(default_factory=list)
    state: str = 'waiting'
    process: ToolProcess | None = None

    @property
    def name(self):
        return f'{self.method}, seed {self.seed}'

    def is_done(self):
        return read_metrics(self.dir) is not None and os.path.isdir(
            os.path.join(self.dir, 'test', 'predictions')
        )

    def execute(self, threads):
        """Train and test in subprocesses of ``threads`` threads each, resuming if possible."""
        os.makedirs(self.dir, exist_ok=True)
        self.state = 'training'
        arguments = ['--work-dir', self.dir, '--seed', str(self.seed), '--resume']
        self.call('train', [self.config, *arguments], threads)
        self.state = 'testing'
        checkpoint = newest_whole_checkpoint(self.dir)
        test_dir = os.path.join(self.dir, 'test')
        predictions = os.path.join(test_dir, 'predictions')
        shutil.rmtree(predictions, ignore_errors=True)  # of a test that was interrupted
        arguments = ['--work-dir', test_dir, '--out', predictions]
        self.call('test', [self.config, checkpoint, *arguments], threads)
        self.state = 'done'
        print(f'{self.name}: done', flush=True)

    def call(self, tool, arguments, threads):
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

    def stop(self):
        if self.process is not None:
            self.process.stop()

    def progress(self):
        """Return e.g. 'training 400/1000, eta 0:01:10'."""
        detail = self.process.progress() if self.state == 'training' and self.process else None
        return f'{self.state} {detail}' if detail else self.state


def main():
    args = parse_args()
    if args.jobs < 1:
        raise UserError(f'--jobs {args.jobs}: expected at least 1')
    for seed in args.seeds:
        if not 0 <= seed < 2**32:
            raise UserError(f'--seeds {seed}: expected numbers from 0 to {2**32 - 1}')
    args.seeds = list(dict.fromkeys(args.seeds))
    make_folder(args.work_dir, '--work-dir')
    check_report(args.work_dir)
    options = parse_options(args.cfg_options)
    configs = {path: load_config(path, options, REQUIRED) for path in args.configs}
    for path, cfg in configs.items():
        if not any(s['type'] in LABEL_LOADERS for s in cfg.test_dataloader.dataset.pipeline):
            raise UserError(
                f'the config {path} reads no labels of its test images (LoadTrainIds), so that '
                'there is nothing to compare; give its test_dataloader labelled images'
            )
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


def check_report(work_dir):
    """Refuse to replace a report that is not ours; the picture belongs to the text beside it."""
    text, picture = (os.path.join(work_dir, f'report.{suffix}') for suffix in ('md', 'png'))
    ours = False
    if os.path.isfile(text):
        with open(text, errors='replace') as file:
            ours = file.read().startswith(TITLE)
    for path in (text, picture):
        if os.path.lexists(path) and not ours:
            raise UserError(
                f'{path} is not of this tool; choose another --work-dir, or move it away'
            )


def parse_options(options):
    parser = ToolParser()
    parser.add_argument('--cfg-options', nargs='+', action=ConfigOptions)
    return parser.parse_args(['--cfg-options', *options] if options else []).cfg_options


def config_name(path):
    return os.path.splitext(os.path.basename(path))[0]


def run_dir(work_dir, config, seed):
    return os.path.join(work_dir, config_name(config), f'seed_{seed}')


def method_names(configs):
    """Name configs by the parts of their file names that are not the same in all of them."""
    names = [config_name(path).split('_') for path in configs]
    if len(set(map(tuple, names))) < len(names):
        raise UserError('two of the configs have the same file name; rename one')
    if len(names) == 1:
        return [names[0][0]]
    shared = set.intersection(*map(set, names))
    short = ['_'.join(part for part in name if part not in shared) for name in names]
    distinct = all(short) and len(set(short)) == len(short)
    return short if distinct else ['_'.join(name) for name in names]


def check_same_config(run, cfg):
    """Refuse to mix results of different versions of a config in one folder."""
    path = os.path.join(run.dir, f'{config_name(run.config)}.py')
    if is_settings(path):
        with open(path, errors='replace') as file:
            written = read_settings(file.read())
        # What tools/train.py sets for the run does not count as a difference.
        given = ('work_dir', 'launcher', 'randomness', 'resume', 'load_from', 'env_cfg')
        before = {k: v for k, v in written.items() if k not in given}
        now = {k: v for k, v in read_settings(cfg.pretty_text).items() if k not in given}
        if before != now:
            changed = [k for k in {*before, *now} if before.get(k) != now.get(k)]
            raise UserError(
                f'{run.dir} holds a run of {run.config} with other settings (changed: '
                f'{", ".join(sorted(changed))}); choose another --work-dir or delete that folder'
            )


def execute_all(runs, jobs):
    """Execute runs, ``jobs`` at once, and print their progress now and then."""
    threads = max(1, (os.cpu_count() or 1) // jobs)
    start, shown = time.monotonic(), -STATUS_INTERVAL
    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(run.execute, threads) for run in runs]
        try:
            while not all(future.done() for future in futures):
                time.sleep(0.5)
                elapsed = time.monotonic() - start
                if elapsed - shown > STATUS_INTERVAL:
                    shown = elapsed
                    clock = time.strftime('%H:%M:%S', time.gmtime(elapsed))
                    for run in runs:
                        if run.state in ('training', 'testing'):
                            print(f'[{clock}] {run.name}: {run.progress()}', flush=True)
        except BaseException:  # interrupted: start nothing more, stop what runs
            pool.shutdown(wait=False, cancel_futures=True)
            for run in runs:
                run.stop()
            raise
    for future in futures:
        future.result()


def write_report(args, report):
    """Write report.md with the command that makes it."""
    command = shell_command('compare', sys.argv[1:])
    with open(os.path.join(args.work_dir, 'report.md'), 'w') as file:
        file.write(
            f'{TITLE}\n\nMade by `{command}`.\n\n{report}\n\n'
            f'Predictions of seed {args.seeds[0]}, last iterate:\n\n![predictions](report.png)\n'
        )


if __name__ == '__main__':
    run_tool(main)

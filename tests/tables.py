"""The tables of README.md and docs/ from the logs of their runs: python -m tests.tables [record].

Without arguments it writes every table anew between its marks, ``<!-- table NAME -->`` and
``<!-- end -->``; ``--check`` only tells which ones are not what the logs say.

    python -m tests.tables record NAME WORK_DIR... --command TEXT

writes docs/logs/NAME.json from finished runs of tools/compare.py: settings, learning curves and
figures.
"""

import argparse
import json
import platform
import re
import statistics
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
LOGS = ROOT / 'docs/logs'
PAGES = (ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md')))
TABLE = re.compile(r'(<!-- table (\S+) -->\n).*?(<!-- end -->)', re.DOTALL)
SUFFIX = '_deeplabv2-tiny_street-scenes'
SCORES = {  # title by name in the logs
    'score/entropy': 'entropy',
    'score/information': 'information',
    'score/SND': 'SND',
    'score/BNM': 'BNM',
    'score/agreement': 'agreement',
    'source/mIoU': 'source mIoU',
}
METHODS = {  # title and baseline by name of the config
    'source-only': ('source-only', None),
    'minent': ('MinEnt', 'source-only'),
    'adaptsegnet': ('AdaptSegNet', 'source-only'),
    'adaptsegnet-gl': ('AdaptSegNet + local', 'adaptsegnet'),
    'advent': ('ADVENT', 'source-only'),
    'advent-gl': ('ADVENT + local', 'advent'),
    'adaptsegnet_deeplabv2-tiny-bn_street-scenes': ('AdaptSegNet, batch norm', 'adaptsegnet'),
    'dacs': ('DACS', 'adaptsegnet'),
    'dacs-gl': ('DACS + local', 'dacs'),
    'daformer': ('DAFormer', 'adaptsegnet'),
    'daformer-gl': ('DAFormer + local', 'daformer'),
    'mic': ('MIC', 'adaptsegnet'),
    'mic-gl': ('MIC + local', 'mic'),
    'source-only_oracle': ('target-supervised oracle', None),
}


def runs_of(*names):
    """Return the runs of logs: {method: {seed: dict(mIoU=, curve={step: figures})}}."""
    found = {}
    for name in names:
        for method, runs in json.loads((LOGS / f'{name}.json').read_text())['runs'].items():
            curves = {
                int(seed): dict(run, curve={int(k): v for k, v in run['curve'].items()})
                for seed, run in runs.items()
            }
            found.setdefault(method.replace(SUFFIX, ''), {}).update(curves)
    return {method: found[method] for method in METHODS if method in found} or found


def main_table(*names):
    """Rows: last, best and chosen mIoU, and the difference to the baseline, paired by seed."""
    runs = runs_of(*names)
    lines = ['| method | last | best | chosen by SND | each seed | against, on the same seeds |']
    lines.append('|---|---|---|---|---|---|')
    for method, own in runs.items():
        title, baseline = METHODS[method]
        last = {seed: run['mIoU'] for seed, run in own.items()}
        best = [max(mIoUs(run)) for run in own.values()]
        chosen = [chosen_by('score/SND', run) for run in own.values() if is_scored(run)]
        each = ', '.join(f'{value:.1f}' for value in last.values())
        versus = ''
        if baseline:
            gains = [last[s] - runs[baseline][s]['mIoU'] for s in last if s in runs[baseline]]
            versus = f'{METHODS[baseline][0]}: {paired(gains)}'
        cells = (title, spread(last.values()), spread(best), spread(chosen), each, versus)
        lines.append(f'| {" | ".join(cells)} |')
    return lines


def score_table(*names):
    """Rows: rank correlation of each score with the mIoU over checkpoints, and the mIoU lost."""
    runs = runs_of(*names)
    titles = ' | '.join([*SCORES.values(), 'last iterate'])
    lines = [f'| method | {titles} |', '|---' * (len(SCORES) + 2) + '|']
    everything = {score: ([], []) for score in [*SCORES, 'last']}
    for method, own in runs.items():
        own = {seed: run for seed, run in own.items() if is_scored(run)}
        if not own:  # source-only: it has no target images
            continue
        cells = []
        for score, (correlations, losses) in everything.items():
            here = [rank_correlation(scores(run, score), mIoUs(run)) for run in own.values()]
            lost = [max(mIoUs(run)) - chosen_by(score, run) for run in own.values()]
            cells.append(f'{np.mean(here):+.2f} ({np.mean(lost):.1f})')
            correlations += here
            losses += lost
        lines.append(f'| {METHODS[method][0]} | {" | ".join(cells)} |')
    cells = [f'**{np.mean(c):+.2f} ({np.mean(lost):.1f})**' for c, lost in everything.values()]
    return [*lines, f'| all | {" | ".join(cells)} |']


def is_scored(run):
    return all('score/SND' in figures for figures in run['curve'].values())


def chosen_by(score, run):
    """Return the mIoU at the validation with the highest score."""
    return mIoUs(run)[np.argmax(scores(run, score))]


def mIoUs(run):
    return [figures['mIoU'] for figures in run['curve'].values()]


def scores(run, name):
    """Return a score at each validation; 'last' grows, so that the last iterate is chosen."""
    if name == 'last':
        return list(run['curve'])
    return [figures[name] for figures in run['curve'].values()]


def rank_correlation(first, second):
    """Return Spearman's rank correlation; equal values share the mean of their ranks."""

    def ranks(values):
        values = np.asarray(values)
        below = (values[None] < values[:, None]).sum(axis=1)
        return below + ((values[None] == values[:, None]).sum(axis=1) - 1) / 2

    return float(np.corrcoef(ranks(first), ranks(second))[0, 1])


def spread(values):
    values = list(values)
    if not values:
        return '-'
    return f'{statistics.mean(values):.1f}' + (
        f' ± {statistics.stdev(values):.1f}' if len(values) > 1 else ''
    )


def paired(gains):
    """Format paired differences: mean ± standard error, and how many are positive."""
    error = statistics.stdev(gains) / len(gains) ** 0.5 if len(gains) > 1 else float('nan')
    positive = sum(gain > 0 for gain in gains)
    return f'{statistics.mean(gains):+.1f} ± {error:.1f} ({positive} of {len(gains)} up)'


TABLES = {  # by name of the mark
    'small': lambda: main_table('small'),
    'scores': lambda: score_table('small'),
}


def with_tables(text):
    """Return a page's text with its tables as the logs say."""
    return TABLE.sub(lambda m: m[1] + '\n'.join(TABLES[m[2]]()) + '\n' + m[3], text)


def record(name, work_dirs, command):
    """Write docs/logs/NAME.json from finished runs; runs that are in it already stay."""
    path = LOGS / f'{name}.json'
    before = json.loads(path.read_text()) if path.exists() else dict(runs={}, settings={})
    runs, settings = before['runs'], before['settings']
    for work_dir in work_dirs:
        for metrics in sorted(Path(work_dir).glob('*/seed_*/test/metrics.json')):
            run_dir = metrics.parents[1]
            method, seed = run_dir.parent.name, run_dir.name.removeprefix('seed_')
            settings.setdefault(method, json.loads((run_dir / 'compare.json').read_text()))
            curve = {}
            for log in sorted(run_dir.glob('*/vis_data/scalars.json')):
                for line in log.read_text().splitlines():
                    figures = json.loads(line)
                    if 'mIoU' in figures:
                        kept = ('mIoU', *SCORES)
                        curve[figures['step']] = {
                            k: round(figures[k], 4) for k in kept if k in figures
                        }
            figures = json.loads(metrics.read_text())
            own = {k: v for k, v in figures.items() if k.startswith(('mIoU', 'IoU.'))}
            runs.setdefault(method, {})[seed] = dict(own, curve=curve)
    commit = subprocess.check_output(['git', 'rev-parse', '--short', 'HEAD'], text=True).strip()
    machine = next(
        (
            line.split(':')[1].strip()
            for line in Path('/proc/cpuinfo').read_text().splitlines()
            if line.startswith('model name')
        ),
        platform.processor(),
    )
    head = dict(command=command, commit=commit, machine=machine, date=str(date.today()))
    LOGS.mkdir(exist_ok=True)
    path.write_text(json.dumps(dict(head, settings=settings, runs=runs)) + '\n')
    print(f'{sum(map(len, runs.values()))} runs in {path}')


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('--check', action='store_true')
    commands = parser.add_subparsers(dest='action')
    recording = commands.add_parser('record')
    recording.add_argument('name')
    recording.add_argument('work_dirs', nargs='+')
    recording.add_argument('--command', required=True)
    args = parser.parse_args()
    if args.action == 'record':
        return record(args.name, args.work_dirs, args.command)
    stale = 0
    for page in PAGES:
        text = page.read_text()
        if (rebuilt := with_tables(text)) != text:
            stale += 1
            print(f'{page}: {"not what the logs say" if args.check else "written"}')
            if not args.check:
                page.write_text(rebuilt)
    return 1 if args.check and stale else 0


if __name__ == '__main__':
    sys.exit(main())

"""Tables of README.md, docs/ and configs/ from the logs of runs: python -m tests.tables [record].

Without arguments every table is written anew between its marks, ``<!-- table NAME -->`` and
``<!-- end -->``.

    python -m tests.tables record NAME WORK_DIR... --command TEXT --commit SHA

writes docs/logs/NAME.json from finished runs of tools/compare.py: settings (those that all methods
share only once, as 'common'), learning curves, figures, and what made them. Runs that it has
already stay in it. The figures of RUN/test_NAME,
where test.py tested a run with other options, are those of the method METHOD+NAME.
"""

import argparse
import json
import re
import statistics
import sys
from datetime import date
from pathlib import Path

import numpy as np

from mmseg_gl.experiments.run_result import RunResult
from tests.docs_check import PAGES, ROOT

LOGS = ROOT / 'docs/logs'
TABLE = re.compile(r'(<!-- table (\S+) -->\n).*?(<!-- end -->)', re.DOTALL)
NETWORK_AND_DATA = re.compile(
    '_deeplabv2-tiny_street-scenes|_efficientnet-lite0_(camvid-day-to-dusk|street-scenes-to-camvid)'
)
SCORES = {  # title by name in the logs
    'score/entropy': 'entropy',
    'score/information': 'information',
    'score/SND': 'SND',
    'score/BNM': 'BNM',
    'score/agreement': 'agreement',
    'source/mIoU': 'source mIoU',
    'last': 'last iterate',
}
METHODS = {  # title and baseline by name of the config, or of CONFIG+NAME as above
    'source-only': ('source-only', None),
    'source-only+bn': ('source-only, BN of the target', 'source-only'),
    'minent': ('MinEnt', 'source-only'),
    'adaptsegnet': ('AdaptSegNet', 'source-only'),
    'adaptsegnet-gl': ('AdaptSegNet + local', 'adaptsegnet'),
    'advent': ('ADVENT', 'source-only'),
    'advent-gl': ('ADVENT + local', 'advent'),
    'bdl': ('BDL', 'adaptsegnet'),
    'bdl-gl': ('BDL + local', 'bdl'),
    'source-only_batch-norm': ('source-only, BN', 'source-only'),
    'source-only_batch-norm+bn': ('source-only, BN of the target', 'source-only_batch-norm'),
    'adaptsegnet_batch-norm': ('AdaptSegNet, BN', 'adaptsegnet'),
    'adaptsegnet_batch-norm+bn': ('AdaptSegNet, BN of the target', 'adaptsegnet_batch-norm'),
    'adaptsegnet-gl_batch-norm+bn': (
        'AdaptSegNet + local, BN of the target',
        'adaptsegnet_batch-norm+bn',
    ),
    'dacs': ('DACS', 'adaptsegnet'),
    'dacs-gl': ('DACS + local', 'dacs'),
    'daformer': ('DAFormer', 'adaptsegnet'),
    'daformer-gl': ('DAFormer + local', 'daformer'),
    'mic': ('MIC', 'adaptsegnet'),
    'mic-gl': ('MIC + local', 'mic'),
    'source-only_oracle': ('target-supervised oracle', None),
}
TESTED = {
    'source-only_batch-norm': 'source-only, BN',
    'source-only': 'source-only, group norm',
    'adaptsegnet': 'AdaptSegNet, group norm',
}
TEST_TIME = {
    '': 'as trained',
    '+tta1': '`--tta 1`',
    '+tta': '`--tta`',
    '+bn': '`--adapt bn`',
    '+bn-tta1': '`--adapt bn --tta 1`',
    '+tent': '`--adapt tent`',
    '+tent-1e-12': '`--adapt tent --adapt-lr 1e-12`: the statistics of each image, nothing learned',
    '+tent-1e-2': '`--adapt tent --adapt-lr 1e-2`',
}
STATISTICS = {  # title by end of a method's name
    '': 'no batch norm: group norm',
    '_batch-norm': "as trained: the source's, or of both domains",
    '_batch-norm+bn': "the target's (`test.py --adapt bn`)",
}
CELLS = {  # textures of unlabelled pixels, and where they are, by the end of a log's name
    'unknown_source': ('unknown', 'source'),
    'unknown_both': ('unknown', 'both'),
    'known_source': ('known', 'source'),
    'known_both': ('known', 'both'),
}
SHARES = {'30 %': '', '10 %': '_10'}  # of unlabelled pixels, by what follows in the log's name
CELL_HEAD = ('unlabelled textures', 'in')
TREATMENTS = {  # by name of the config
    'keep': 'adaptsegnet-gl',
    'ignore': 'adaptsegnet-gl_ignore',
    'replace': 'adaptsegnet-gl_replace',
}
ABLATIONS = {  # title by name of the config
    'adaptsegnet': 'AdaptSegNet alone',
    'adaptsegnet-gl': "`-gl`: `background='keep'`, 2048 softmax pixels, both discriminators",
    'adaptsegnet-gl_ignore': "`background='ignore'`",
    'adaptsegnet-gl_replace': "`background='replace'`",
    'adaptsegnet-gl_local-only': 'local alignment alone in phase 2',
    'adaptsegnet-gl_entropy': "`representation='entropy'`",
    'adaptsegnet-gl_all-pixels': '`num_points=None`: all 16 384 pixels',
    'adaptsegnet-gl_512-points': '`num_points=512`',
}
CHOICES = {  # title by config and option
    'dacs/model.evaluated=teacher': 'batch norm, teacher evaluated',
    'dacs/model.evaluated=segmentor': 'group norm, segmentor evaluated',
    'dacs-gl/model.aligned=target': '+ local, on the unmixed target images (`-gl`)',
    'dacs-gl/model.aligned=mixed': "+ local, on the target's pixels of the mixed images "
    '(`model.aligned=mixed`), no further forward pass',
    'dacs-gl/model.heads.local_head.loss_weights.decode=0.1': '+ local as `-gl`, weights ten times '
    'smaller',
}
BDL_STAGES = {  # title by name
    'source-only': 'source-only',
    'M0_1': 'M0(1): on translated images, global alignment',
    'M1_1': 'M1(1): + pseudo labels',
    'M2_1': 'M2(1): + better pseudo labels',
    'M0_2': 'M0(2)',
    'M1_2': 'M1(2)',
    'M2_2': 'M2(2)',
    'M2_2_local': 'M2(2) + local alignment',
}
UNBALANCED = '_unbalanced'  # of methods whose local alignment is class-balanced elsewhere
TASKS = {'day_to_dusk': 'dusk', 'street_scenes_to_camvid': 'CamVid'}  # title by name of the log
SPEED = {  # title by the name of a log of tools/benchmark.py, without its precision
    'source-only': 'source-only',
    'minent': 'MinEnt',
    'adaptsegnet': 'AdaptSegNet',
    'advent': 'ADVENT',
    'adaptsegnet-gl': 'AdaptSegNet-gl, second phase, all pixels',
    'advent-gl': 'ADVENT-gl, second phase, all pixels',
    'adaptsegnet-gl_8192-points': 'AdaptSegNet-gl, second phase, `num_points=8192`',
}
SPEED_MIT_B5 = {
    'dacs_daformer-mitb5': 'DACS',
    'daformer_daformer-mitb5': 'DAFormer',
    'mic-gl_daformer-mitb5': 'MIC + local',
}
WEIGHTS = {  # method and loss by config and key of a grid
    'minent/model.target_losses.entropy.loss_weights.decode': 'MinEnt, entropy',
    'adaptsegnet/model.heads.global_head.loss_weights.decode': 'AdaptSegNet, adversarial',
    'advent/model.heads.global_head.loss_weights.decode': 'ADVENT, adversarial',
    'adaptsegnet-gl/model.heads.local_head.loss_weights.decode': 'AdaptSegNet + local, local '
    'adversarial',
    'adaptsegnet-gl_unbalanced/model.heads.local_head.loss_weights.decode': 'the same, every pixel '
    'as likely',
    'advent-gl/model.heads.local_head.loss_weights.decode': 'ADVENT + local, local adversarial',
}


def runs_of(name):
    """Return the runs of a log: {method: {seed: dict(mIoU=, curve={step: figures})}}."""
    found = {}
    for method, runs in json.loads((LOGS / f'{name}.json').read_text())['runs'].items():
        for run in runs.values():  # validations in their order; 'last' grows
            run['curve'] = [dict(figures, last=int(step)) for step, figures in run['curve'].items()]
        found[NETWORK_AND_DATA.sub('', method)] = {int(seed): runs[seed] for seed in sorted(runs)}
    return found


def main_table(name, base=None):
    """Rows: last, best and chosen mIoU, and the difference to the baseline, paired by seed.

    Args:
        name: Name of the log.
        base: Baseline of the methods that are no variant of another one, if not as in METHODS.
    """
    runs = runs_of(name)
    rows = [['method', 'last', 'best', 'chosen by BNM', 'each seed', 'against, seed by seed']]
    for method, (title, baseline) in METHODS.items():
        if method not in runs:
            continue
        if base not in (None, method) and baseline in ('source-only', 'adaptsegnet'):
            baseline = baseline if method.endswith('-gl') else base
        own, last = runs[method].values(), last_of(runs, method)
        best = [max(mious(run)) for run in own if run['curve']]
        chosen = [chosen_by('score/BNM', run) for run in own if is_scored(run)]
        gain = paired(last, last_of(runs, baseline))
        against = f'{METHODS[baseline][0]}: {gain}' if gain else ''
        rows.append([title, spread(last), spread(best), spread(chosen), listed(last), against])
    return markdown(rows)


def class_table(name):
    """Rows: the IoU of each class in the last iterate, mean over the seeds."""
    runs = runs_of(name)
    some_run = next(iter(runs['adaptsegnet'].values()))
    classes = [key for key in some_run if key.startswith('IoU.')]
    rows = [['method', *(key.removeprefix('IoU.') for key in classes)]]
    for method, (title, _) in METHODS.items():
        if own := list(runs.get(method, {}).values()):
            rows.append([title, *(f'{np.mean([run[key] for run in own]):.0f}' for key in classes)])
    return markdown(rows)


def proportion_table():
    """Rows: how far predicted class proportions are from those of the labels."""
    sides = {'source': "to the source's", 'val': "to the target's"}
    head = ['', *(f'{task}: {side}' for task in TASKS.values() for side in sides.values())]
    rows = {}
    for method, (title, _) in METHODS.items():
        rows[method], rows[method + UNBALANCED] = [title], [f'{title}, unbalanced']
    rows['labels'] = ["the target's labels"]
    for name in TASKS:
        counted = json.loads((LOGS / f'labels_{name}.json').read_text())  # check_data.py --json
        labels = [
            proportions(figures['pixels'] for figures in counted[side]['classes'].values())
            for side in sides
        ]
        rows['labels'] += [f'{variation(*labels):.2f}', '']
        for method, runs in runs_of(name).items():
            predicted = [proportions(r['predicted']) for r in runs.values() if 'predicted' in r]
            for side in labels if predicted else ():
                rows[method].append(f'{np.mean([variation(one, side) for one in predicted]):.2f}')
    return markdown([head, *(cells for cells in rows.values() if len(cells) == len(head))])


def balance_table():
    """Rows: local alignment with every pixel and with every predicted class as likely, paired."""
    kinds = ('every pixel', 'every class', 'difference')
    rows = [['method', *(f'{task}: {kind}' for task in TASKS.values() for kind in kinds)]]
    tasks = [runs_of(name) for name in TASKS]
    for method, (title, _) in METHODS.items():
        if any(method + UNBALANCED in runs for runs in tasks):
            cells = [title]
            for runs in tasks:
                pixels, classes = last_of(runs, method + UNBALANCED), last_of(runs, method)
                classes = {seed: classes[seed] for seed in pixels if seed in classes}
                cells += [spread(pixels), spread(classes), paired(classes, pixels)]
            rows.append(cells)
    return markdown(rows)


def gain_table(name):
    """Rows: the last mIoU of each method without and with local alignment, and the paired gain."""
    runs = runs_of(name)
    rows = [['method', 'alone', '+ local alignment', 'difference on the same seeds']]
    for method, (title, _) in METHODS.items():
        if method in runs and '-gl' not in method and not method.endswith('_batch-norm'):
            host, mark, variant = method.partition('_')
            alone, local = last_of(runs, method), last_of(runs, f'{host}-gl{mark}{variant}')
            rows.append(
                [title, spread(alone), spread(local) if local else '', paired(local, alone)]
            )
    return markdown(rows)


def wall_time_table(name):
    """Rows: iterations and last mIoU of runs that take equally long."""
    runs = runs_of(name)
    rows = [['method', 'iterations', 'last', 'each seed', 'against AdaptSegNet']]
    for method, (title, _) in METHODS.items():
        if last := last_of(runs, method):
            length = ', '.join({str(run['iterations']) for run in runs[method].values()})
            others = last_of(runs, 'adaptsegnet') if method != 'adaptsegnet' else {}
            rows.append([title, length, spread(last), listed(last), paired(last, others)])
    return markdown(rows)


def statistics_table():
    """Rows: the last mIoU without batch norm, and with the statistics of each domain."""
    runs = runs_of('small')
    rows = [['statistics', 'source-only', 'AdaptSegNet']]
    for mark, title in STATISTICS.items():
        lasts = (last_of(runs, f'{method}{mark}') for method in ('source-only', 'adaptsegnet'))
        rows.append([title, *map(spread, lasts)])
    return markdown(rows)


def test_time_table(name):
    """Rows: the mIoU of the same networks, tested in several ways."""
    runs = runs_of(name)
    rows = [['network', 'test', 'mIoU', 'each seed']]
    for method, title in TESTED.items():
        for way, options in TEST_TIME.items():
            if last := last_of(runs, method + way):
                rows.append([title, options, spread(last), listed(last)])
    return markdown(rows)


def score_table(name):
    """Rows: rank correlation of each score with the mIoU over checkpoints, and the mIoU lost."""
    runs = runs_of(name)
    rows = [['method', *SCORES.values()]]
    everything = {score: ([], []) for score in SCORES}
    for method, (title, _) in METHODS.items():
        own = [run for run in runs.get(method, {}).values() if is_scored(run)]
        cells = []
        for score, (correlations, losses) in everything.items() if own else ():
            here = [rank_correlation(values(run, score), mious(run)) for run in own]
            lost = [max(mious(run)) - chosen_by(score, run) for run in own]
            cells.append(f'{np.mean(here):+.2f} ({np.mean(lost):.1f})')
            correlations += here
            losses += lost
        if own:
            rows.append([title, *cells])
    cells = [f'**{np.mean(c):+.2f} ({np.mean(lost):.1f})**' for c, lost in everything.values()]
    return markdown([*rows, ['all', *cells]])


def weight_table(name):
    """Rows: the mIoU of each weight of a loss, and which one each score of the last iterate takes.

    In brackets: the mIoU that the choice loses against the best weight, mean over the seeds.
    """
    grids = {}
    for place, runs in runs_of(name).items():
        key, _, weight = place.partition('=')
        if weight:
            grids.setdefault(key, {})[float(weight)] = runs
    scores = [score for score in SCORES if score != 'last']
    head = ['loss', 'weight: mIoU of the last iterate', *(SCORES[score] for score in scores)]
    rows = [head]
    for key, title in WEIGHTS.items():
        if key not in grids:
            continue
        grid = dict(sorted(grids[key].items()))
        seeds = set.intersection(*(set(runs) for runs in grid.values()))
        each = ', '.join(
            f'{weight:g}: {spread(runs[seed]["mIoU"] for seed in seeds)}'
            for weight, runs in grid.items()
        )
        cells = [title, each]
        for score in scores:
            lost, taken = [], []
            for seed in seeds:
                taken.append(max(grid, key=lambda w: grid[w][seed]['curve'][-1][score]))  # noqa: B023
                best = max(runs[seed]['mIoU'] for runs in grid.values())
                lost.append(best - grid[taken[-1]][seed]['mIoU'])
            names = ', '.join(f'{weight:g}' for weight in sorted(set(taken)))
            cells.append(f'{names} ({np.mean(lost):.1f})')
        rows.append(cells)
    return markdown(rows)


def variants_table(name, head, titles, against):
    """Rows: the last mIoU of a log's runs, and differences to some of them, paired by seed.

    Args:
        name: Name of the log.
        head: Title of the runs.
        titles: Title of each row by name of its runs.
        against: Name of the other runs by title of the column; None: those of the row above.
    """
    runs = runs_of(name)
    rows = [[head, 'last', 'each seed', *(f'against {title}' for title in against)]]
    above = None
    for method, title in titles.items():
        last = last_of(runs, method)
        others = (other or above for other in against.values())
        gains = (paired(last, last_of(runs, other)) if other != method else '' for other in others)
        rows.append([title, spread(last), listed(last), *gains])
        above = method
    return markdown(rows)


def mixture_table():
    """Rows: the last mIoU by treatment of unlabelled pixels, and paired differences."""
    rows = [['share', *CELL_HEAD, 'AdaptSegNet', *(f'`{name}`' for name in TREATMENTS)]]
    rows[0] += ['`ignore` against `keep`', '`replace` against `keep`']
    for share, end in SHARES.items():
        for cell, titles in CELLS.items():
            runs = runs_of(f'mixture_{cell}{end}')
            last = {name: last_of(runs, method) for name, method in TREATMENTS.items()}
            gains = [paired(last[name], last['keep']) for name in ('ignore', 'replace')]
            host = last_of(runs, 'adaptsegnet')
            rows.append([share, *titles, spread(host), *map(spread, last.values()), *gains])
    return markdown(rows)


def mixture_variants_table():
    """Rows: the last mIoU of two other local heads, and the difference to the usual one."""
    rows = [
        [*CELL_HEAD, 'mixed map alone', 'against `replace`', 'class-balanced', 'against `keep`']
    ]
    for cell, titles in CELLS.items():
        runs = runs_of(f'mixture_{cell}')
        cells = []
        for variant, usual in (('mixed-map', 'replace'), ('class-balanced', 'keep')):
            last = last_of(runs, f'adaptsegnet-gl_{variant}')
            cells += [spread(last), paired(last, last_of(runs, TREATMENTS[usual]))]
        rows.append([*titles, *cells])
    return markdown(rows)


def probe_table():
    """Rows: what the trained local discriminators and segmentors make of each group of pixels."""
    groups = ('source', 'source unlabelled', 'target', 'target unlabelled')
    head = ['gradient', 'distance to labelled', 'distance to all']
    rows = [[*CELL_HEAD, 'treatment', *groups, *head]]
    for cell, titles in CELLS.items():
        runs = runs_of(f'mixture_{cell}')
        for name, method in TREATMENTS.items():
            probes = [run['probe'] for run in runs[method].values()]
            cells = []
            for group, figure in (*((g, 'p_source') for g in groups), (groups[-1], 'gradient')):
                values = [probe[group][figure] for probe in probes if group in probe]
                cells.append(f'{np.mean(values):.2f}' if values else '')
            for sources in (groups[:1], groups[:2]):
                values = [class_distance(probe, sources, groups[2:]) for probe in probes]
                cells.append(f'{np.mean(values):.2f}')
            rows.append([*titles, f'`{name}`', *cells])
    return markdown(rows)


def class_distance(probe, *sides):
    """Return the total variation, in [0, 1], between the mean outputs of two sets of groups."""
    means = []
    for groups in sides:
        found = [probe[group] for group in groups if group in probe]
        shares = [figures['share'] for figures in found]
        means.append(np.average([figures['classes'] for figures in found], axis=0, weights=shares))
    return variation(*means)


def variation(first, second):
    """Return the total variation, in [0, 1], between two sets of proportions."""
    return 0.5 * np.abs(first - second).sum()


def proportions(counts):
    counts = np.array(list(counts), dtype=float)
    return counts / counts.sum()


def speed_table(titles, precisions=('float32', 'bf16')):
    """Rows: seconds, seconds over those of the segmentor alone, and memory of a step."""
    columns = ('s', 'step / floor', 'GiB')
    rows = [['step', *(f'{precision}: {column}' for precision in precisions for column in columns)]]
    for name, title in titles.items():
        cells = [title]
        for precision in precisions:
            log = json.loads((LOGS / f'speed/{name}_{precision}.json').read_text())
            figures = (log['step_s'], log['ratio'], log['peak_memory_gib'])
            cells += [f'{figure:.2f}' for figure in figures]
        rows.append(cells)
    return markdown(rows)


def markdown(rows):
    """Return the lines of a table, whose first row is its head."""
    lines = [f'| {" | ".join(cells)} |' for cells in rows]
    return [lines[0], f'|{"---|" * len(rows[0])}', *lines[1:]]


def last_of(runs, method):
    """Return the mIoU of the last iterates of a method by seed."""
    return {seed: run['mIoU'] for seed, run in runs.get(method, {}).items()}


def listed(last):
    return ', '.join(f'{value:.1f}' for value in last.values())


def is_scored(run):
    return bool(run['curve']) and all('score/BNM' in figures for figures in run['curve'])


def values(run, name):
    return [figures[name] for figures in run['curve']]


def mious(run):
    return values(run, 'mIoU')


def chosen_by(score, run):
    """Return the mIoU at the validation with the highest score."""
    return mious(run)[np.argmax(values(run, score))]


def rank_correlation(first, second):
    """Return Spearman's rank correlation; equal values share the mean of their ranks."""

    def ranks(numbers):
        numbers = np.asarray(numbers)
        below = (numbers[None] < numbers[:, None]).sum(axis=1)
        return below + ((numbers[None] == numbers[:, None]).sum(axis=1) - 1) / 2

    return float(np.corrcoef(ranks(first), ranks(second))[0, 1])


def spread(numbers):
    """Format numbers, or those of each seed, as mean ± sample standard deviation."""
    numbers = list(numbers.values() if isinstance(numbers, dict) else numbers)
    if len(numbers) < 2:
        return ''.join(f'{number:.1f}' for number in numbers) or '-'
    return f'{statistics.mean(numbers):.1f} ± {statistics.stdev(numbers):.1f}'


def paired(last, others):
    """Format differences on the same seeds: mean ± standard error, and how many are positive."""
    gains = [last[seed] - others[seed] for seed in last if seed in others]
    if not gains:
        return ''
    error = f' ± {statistics.stdev(gains) / len(gains) ** 0.5:.1f}' if len(gains) > 1 else ''
    positive = sum(gain > 0 for gain in gains)
    return f'{statistics.mean(gains):+.1f}{error} ({positive} of {len(gains)} up)'


TABLES = {  # by name of the mark
    'demo': lambda: main_table('demo'),
    'gains': lambda: gain_table('small'),
    'small': lambda: main_table('small'),
    'day-to-dusk': lambda: main_table('day_to_dusk', 'source-only+bn'),
    'street-scenes-to-camvid': lambda: main_table('street_scenes_to_camvid', 'source-only+bn'),
    'day-to-dusk-classes': lambda: class_table('day_to_dusk'),
    'street-scenes-to-camvid-classes': lambda: class_table('street_scenes_to_camvid'),
    'proportions': proportion_table,
    'class-balanced': balance_table,
    'ablations': lambda: variants_table(
        'ablations',
        'AdaptSegNet + local',
        ABLATIONS,
        {'AdaptSegNet alone': 'adaptsegnet', '`-gl`': 'adaptsegnet-gl'},
    ),
    'choices': lambda: variants_table(
        'choices', 'DACS', CHOICES, {'the first row': next(iter(CHOICES))}
    ),
    'bdl': lambda: variants_table('bdl', 'stage', BDL_STAGES, {'the row above': None}),
    'scores': lambda: score_table('small'),
    'equal-time': lambda: wall_time_table('equal_time'),
    'speed': lambda: speed_table(SPEED),
    'speed-mit-b5': lambda: speed_table(SPEED_MIT_B5, ['float32']),
    'statistics': statistics_table,
    'test-time': lambda: test_time_table('test_time'),
    'mixture': mixture_table,
    'mixture-variants': mixture_variants_table,
    'mixture-probe': probe_table,
    'weights': lambda: weight_table('weights'),
    'weights-day-to-dusk': lambda: weight_table('weights_day_to_dusk'),
    'weights-street-scenes-to-camvid': lambda: weight_table('weights_street_scenes_to_camvid'),
}


def with_tables(text):
    """Return a page's text with its tables as the logs say."""
    return TABLE.sub(lambda m: m[1] + '\n'.join(TABLES[m[2]]()) + '\n' + m[3], text)


def record(name, work_dirs, command, commit):
    cpu = re.search(r'model name\s*: (.*)', Path('/proc/cpuinfo').read_text())
    made = dict(command=command, commit=commit, date=str(date.today()), machine=cpu and cpu[1])
    path = LOGS / f'{name}.json'
    before = (
        json.loads(path.read_text()) if path.exists() else dict(common={}, settings={}, runs={})
    )
    runs = before['runs']
    settings = {method: before['common'] | own for method, own in before['settings'].items()}
    for work_dir in map(Path, work_dirs):
        for run_dir in sorted(
            metrics.parents[1] for metrics in work_dir.rglob('test/metrics.json')
        ):
            method = str(run_dir.parent.relative_to(work_dir))
            seed = run_dir.name.removeprefix('seed_')
            settings[method] = json.loads((run_dir / 'compare.json').read_text())
            result = RunResult.read(str(run_dir))
            curve = {step: rounded(record) for step, record in result.validations.items()}
            own = dict(rounded(result.metrics), curve=curve, made=made)
            own['iterations'] = result.iterations
            confusion = json.loads((run_dir / 'test/confusion.json').read_text())
            predicted = proportions(np.sum(confusion['counts'], axis=0))
            own['predicted'] = [round(share, 4) for share in predicted]
            if (probe := run_dir / 'probe.json').exists():  # of tests/mixture_probe.py
                own['probe'] = json.loads(probe.read_text())
            runs.setdefault(method, {})[seed] = own
            for tested in sorted(run_dir.glob('test_*/metrics.json')):  # with other options
                figures = dict(rounded(json.loads(tested.read_text())), curve={}, made=made)
                name = f'{method}+{tested.parent.name.removeprefix("test_")}'
                runs.setdefault(name, {})[seed] = figures
    LOGS.mkdir(exist_ok=True)
    first, *others = settings.values()
    common = {
        key: first[key] for key in first if all(key in o and o[key] == first[key] for o in others)
    }
    for method, own in settings.items():
        settings[method] = {key: own[key] for key in own if key not in common}
    log = dict(common=common, settings=settings, runs=runs)
    path.write_text(json.dumps(log, separators=(',', ':')) + '\n')
    print(f'{sum(map(len, runs.values()))} runs in {path}')


def rounded(figures):
    """Return the mIoU and the scores of a validation, or the IoU of a test."""
    wanted = ('mIoU', 'IoU.', 'score/', 'source/')
    is_test = 'protocol' in figures
    return {
        key: round(value, 4)
        for key, value in figures.items()
        if key.startswith(wanted) and value is not None and (is_test or 'IoU.' not in key)
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest='action')
    recording = commands.add_parser('record')
    recording.add_argument('name')
    recording.add_argument('work_dirs', nargs='+')
    recording.add_argument('--command', required=True, help='that made the runs')
    recording.add_argument('--commit', required=True, help='of the code that they ran')
    args = parser.parse_args()
    if args.action == 'record':
        record(args.name, args.work_dirs, args.command, args.commit)
        return
    for page in PAGES:
        text = page.read_text()
        if (rebuilt := with_tables(text)) != text:
            page.write_text(rebuilt)
            print(f'wrote the tables of {page}')


if __name__ == '__main__':
    sys.exit(main())

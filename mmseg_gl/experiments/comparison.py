"""Markdown tables of the results of several methods and seeds."""

import statistics
from collections.abc import Callable, Iterable
from typing import Any

from mmseg_gl.experiments.run_result import DEFAULT_SCORE, RunResult

Results = dict[str, dict[int, RunResult]]  # by method and seed


def mean_and_std(values: Iterable[float | None], digits: int = 1) -> str:
    """Format values as 'mean ± sample standard deviation', a single one as such, none as '-'."""
    known = [value for value in values if value is not None]
    if not known:
        return '-'
    if len(known) == 1:
        return f'{known[0]:.{digits}f}'
    return f'{statistics.mean(known):.{digits}f} ± {statistics.stdev(known):.{digits}f}'


def table(results: Results, score: str = DEFAULT_SCORE) -> str:
    """Format the results as Markdown tables: means over seeds, each seed, each class, cost.

    Args:
        results: Results by method and seed.
        score: Name of the score of validations that chooses one of them; higher is better.
    """
    names = {method: class_names(runs.values()) for method, runs in results.items()}
    all_names = dict.fromkeys(sum(sorted(names.values(), key=len, reverse=True), []))
    occurring = [
        name
        for name in all_names
        if any(v is not None for r in results.values() for v in over(r, f'IoU.{name}'))
    ]
    protocols = {
        method: ' / '.join(dict.fromkeys(str(p) for p in over(runs, 'protocol') if p))
        for method, runs in results.items()
    }
    shared = len(set(protocols.values())) == 1 and len(set(map(tuple, names.values()))) == 1
    classes = f'the {len(occurring)} classes that occur in the validation set'
    lines = [
        f'Target mIoU (%) over {classes if shared else "the classes of each protocol below"}; '
        f'{seeds_in_words(results)}. "last" is the last iterate: no label of the target chose it. '
        '"best" is the best of all validations of a run: best-on-val is the papers\' custom, and '
        'uses labels of the target to choose the checkpoint. "chosen" is the validation of a run '
        f'with the highest {score}, chosen without target labels.',
        '',
        *main_table(results, score),
    ]
    if shared:
        lines += ['', f'Protocol: {next(iter(protocols.values()))}.']
    else:
        lines += ['', 'Protocols, whose figures are not the same measure:', '']
        lines += [f'- {method}: {protocol}' for method, protocol in protocols.items()]
    lines += [
        '',
        'IoU (%) per class, last iterate:',
        '',
        '| class | ' + ' | '.join(results) + ' |',
        '|---|' + '---|' * len(results),
    ]
    for name in occurring:
        cells = ' | '.join(mean_and_std(over(r, f'IoU.{name}')) for r in results.values())
        lines.append(f'| {name} | {cells} |')
    return '\n'.join([*lines, *other_test_sets_table(results), *cost_table(results)])


def main_table(results: Results, score: str) -> list[str]:
    seeds = sorted({seed for runs in results.values() for seed in runs})
    lines = [
        '| method | last | best | chosen | ' + ' | '.join(f'seed {seed}' for seed in seeds) + ' |',
        '|---|---|---|---|' + '---|' * len(seeds),
    ]
    for method, runs in results.items():
        chosen = [(run.chosen(score) or {}).get('mIoU') for run in runs.values()]
        cells = [
            mean_and_std(over(runs, 'mIoU')),
            mean_and_std(run.best for run in runs.values()),
            mean_and_std(chosen),
            *(f'{runs[seed].mean_iou:.1f}' if seed in runs else '-' for seed in seeds),
        ]
        lines.append(f'| {method} | ' + ' | '.join(cells) + ' |')
    return lines


def other_test_sets_table(results: Results) -> list[str]:
    """Return the lines of the table of other test sets; none without such sets."""
    tested = [
        (method, name, figures)
        for method, runs in results.items()
        for by_name in over(runs, 'other_test_sets')
        for name, figures in (by_name or {}).items()
    ]
    names = list(dict.fromkeys(name for _, name, _ in tested))
    if not names:
        return []
    lines = [
        '',
        'Other test sets, mIoU (%), last iterate:',
        '',
        '| method | ' + ' | '.join(names) + ' |',
        '|---|' + '---|' * len(names),
    ]
    for method in results:
        cells = [
            mean_and_std([f['mIoU'] for m, n, f in tested if (m, n) == (method, name)])
            for name in names
        ]
        lines.append(f'| {method} | ' + ' | '.join(cells) + ' |')
    lines.append('')
    for name in names:
        protocols = dict.fromkeys(str(f['protocol']) for _, n, f in tested if n == name)
        lines.append(f'- {name}: {" / ".join(protocols)}')
    return lines


def cost_table(results: Results) -> list[str]:
    """Return the lines of the table of time and memory; none if no run has logged its time."""
    columns: dict[str, Callable[[RunResult], float | None]] = {
        'iterations': lambda run: run.iterations or None,
        's per iteration': lambda run: run.seconds / run.iterations if run.iterations else None,
        'minutes': lambda run: run.seconds / 60 if run.iterations else None,
        'peak memory, GiB': lambda run: run.memory and run.memory / 1024,
    }
    digits = (0, 3, 1, 2)
    if not any(run.iterations for runs in results.values() for run in runs.values()):
        return []
    lines = [
        '',
        'Training, as logged, without validations; runs at the same time slow each other down. '
        'Memory of the GPU; without one, of the process:',
        '',
        '| method | ' + ' | '.join(columns) + ' |',
        '|---|' + '---|' * len(columns),
    ]
    for method, runs in results.items():
        cells = [
            mean_and_std(map(column, runs.values()), n)
            for column, n in zip(columns.values(), digits)
        ]
        lines.append(f'| {method} | ' + ' | '.join(cells) + ' |')
    return lines


def seeds_in_words(results: Results) -> str:
    seeds = {tuple(runs) for runs in results.values()}
    if len(seeds) > 1:
        return 'mean ± sample standard deviation over the seeds of each row'
    only = next(iter(seeds))
    if len(only) == 1:
        return f'one seed ({only[0]})'
    return f'mean ± sample standard deviation over the seeds {", ".join(map(str, only))}'


def class_names(runs: Iterable[RunResult]) -> list[str]:
    """Return the classes in the metrics of a method, in the order of their numbers."""
    names = dict.fromkeys(name for run in runs for name in run.metrics)
    return [name.removeprefix('IoU.') for name in names if name.startswith('IoU.')]


def over(runs: dict[int, RunResult], name: str) -> list[Any]:
    """Return a test metric of all seeds; None where a run has no such metric."""
    return [run.metrics.get(name) for run in runs.values()]

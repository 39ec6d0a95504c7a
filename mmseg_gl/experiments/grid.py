"""Grids: settings that are trained with several values, and the choice of a value by a score."""

import itertools
import statistics
from collections.abc import Iterable, Sequence

from mmseg_gl.errors import UserError
from mmseg_gl.experiments.places import Place
from mmseg_gl.experiments.run_result import RunResult

BRACKETS = {'[': 1, '(': 1, '{': 1, ']': -1, ')': -1, '}': -1}


def combinations(grids: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the combinations of values of several grids, each as 'KEY=VALUE's.

    Args:
        grids: 'KEY=A,B,C' each; commas inside of brackets do not separate values.

    Returns:
        One combination without values if there are no grids.

    Raises:
        UserError: If a grid does not have this form, or names a key again.
    """
    values: dict[str, list[str]] = {}
    for grid in grids:
        key, _, text = grid.partition('=')
        found = split(text)
        if not key or not all(found):
            raise UserError(f'--grid {grid}: expected KEY=VALUE,VALUE, e.g. a.b=1,2')
        if key in values:
            raise UserError(f'--grid {grid}: give all values of {key} in one --grid')
        values[key] = [f'{key}={value}' for value in dict.fromkeys(found)]
    return list(itertools.product(*(values[key] for key in sorted(values))))


def split(text: str) -> list[str]:
    """Split a text at its commas, except at those inside of brackets."""
    depth, parts = 0, ['']
    for character in text:
        depth += BRACKETS.get(character, 0)
        if character == ',' and not depth:
            parts.append('')
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def grid_table(
    results: dict[Place, dict[int, RunResult]], names: dict[Place, str], score: str
) -> list[str]:
    """Return the lines of a Markdown section: which values a score chooses.

    Args:
        results: Results by place and seed.
        names: Names of the rows.
        score: Name of the score; higher is better.

    Returns:
        No lines if no config has been trained with several values.
    """
    groups: dict[tuple[str, ...], list[Place]] = {}
    for place in results:
        if len(place) > 1:
            groups.setdefault((place[0], *(v.split('=')[0] for v in place[1:])), []).append(place)
    groups = {group: places for group, places in groups.items() if len(places) > 1}
    if not groups:
        return []
    keys = dict.fromkeys(key for group in groups for key in group[1:])
    lines = [
        '',
        '## Choice of values without target labels',
        '',
        f'Values of {", ".join(f"`{key}`" for key in keys)}; means over the seeds that all values '
        f'of a method have. The value with the highest mean {score} is chosen, no label of the '
        'target chooses it: "last" looks at the last iterate of each run, "chosen" at its '
        f'validation with the highest {score}.',
        '',
        f'| method | seeds | {score}, last | mIoU, last | {score}, chosen | mIoU, chosen |',
        '|---|---|---|---|---|---|',
    ]
    findings = []
    for places in groups.values():
        seeds = set.intersection(*(set(results[place]) for place in places))
        runs = {names[p]: [results[p][s] for s in results[p] if s in seeds] for p in places}
        last = {name: at_last(own, score) for name, own in runs.items()}
        chosen = {name: at_chosen(own, score) for name, own in runs.items()}
        of_seeds = ', '.join(map(str, sorted(seeds))) or '-'
        for name in runs:
            cells = [
                *(shown(value, digits) for value, digits in zip(last[name], (3, 1))),
                *(shown(value, digits) for value, digits in zip(chosen[name], (3, 1))),
            ]
            lines.append(f'| {name} | {of_seeds} | ' + ' | '.join(cells) + ' |')
        findings += [f'- last iterate: {choice(last, score)}']
        findings += [f'- chosen validation: {choice(chosen, score)}']
    return [*lines, '', *findings]


Figures = tuple[float | None, float | None]  # mean score, mean mIoU


def at_last(runs: Iterable[RunResult], score: str) -> Figures:
    """Return the mean score and mIoU of the last iterates."""
    runs = list(runs)
    return mean([run.last_score(score) for run in runs]), mean([run.mean_iou for run in runs])


def at_chosen(runs: Iterable[RunResult], score: str) -> Figures:
    """Return the mean score and mIoU of the validations that the score chooses."""
    records = [run.chosen(score) or {} for run in runs]
    return mean([r.get(score) for r in records]), mean([r.get('mIoU') for r in records])


def mean(values: Sequence[float | None]) -> float | None:
    """Return the mean; None if a value is missing, or if there are none."""
    known = [value for value in values if value is not None]
    return statistics.mean(known) if known and len(known) == len(values) else None


def choice(figures: dict[str, Figures], score: str) -> str:
    """Say which row a score chooses, and which one has the highest mIoU."""
    if any(score is None for score, _ in figures.values()):
        return f'no choice, as not all runs have {score}'
    _, chosen = max((value, name) for name, (value, _) in figures.items())
    if any(iou is None for _, iou in figures.values()):
        return f'{score} chooses **{chosen}**'
    highest, best = max((iou, name) for name, (_, iou) in figures.items())
    return (
        f'{score} chooses **{chosen}** with {shown(figures[chosen][1], 1)} mIoU; the best is '
        f'{best} with {shown(highest, 1)}'
    )


def shown(value: float | None, digits: int) -> str:
    return '-' if value is None else f'{value:.{digits}f}'

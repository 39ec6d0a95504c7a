"""Folders of a comparison's runs, and the names of its rows.

A place is a config's name and the values of a grid: a row of the report. Its run with seed N is in
``WORK_DIR/CONFIG/[KEY=VALUE/...]seed_N``.
"""

import os
import re
from collections.abc import Collection, Iterable, Sequence
from urllib.parse import quote, unquote

from mmseg_gl.errors import UserError, closest
from mmseg_gl.experiments.run_result import RunResult

Place = tuple[str, ...]  # config's name, 'KEY=VALUE', ...
SEED_FOLDER = re.compile(r'seed_(\d+)')


def config_name(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]


def place_of(config: str, values: Iterable[str]) -> Place:
    """Return the place of a config file with values 'KEY=VALUE' of a grid."""
    return config_name(config), *(quote(value, safe='=,()[]+') for value in sorted(values))


def run_dir(work_dir: str, place: Place, seed: int) -> str:
    return os.path.join(work_dir, *place, f'seed_{seed}')


def finished_runs(work_dir: str, record: str) -> dict[Place, dict[int, RunResult]]:
    """Read the results of all runs in a folder that are trained and tested.

    Args:
        work_dir: The folder.
        record: Name of the file that shows that a folder is a run of a comparison.

    Returns:
        Results by place and seed, in the order of their names.
    """
    found: dict[Place, dict[int, RunResult]] = {}
    for folder, folders, files in os.walk(work_dir):
        folders.sort()
        match = SEED_FOLDER.fullmatch(os.path.basename(folder))
        if match and record in files:
            folders.clear()
            place = tuple(os.path.relpath(os.path.dirname(folder), work_dir).split(os.sep))
            is_place = place != ('.',) and all('=' in value for value in place[1:])
            if is_place and (result := RunResult.read(folder)):
                found.setdefault(place, {})[int(match[1])] = result
    return {place: dict(sorted(results.items())) for place, results in found.items()}


def row_names(places: Collection[Place]) -> dict[Place, str]:
    """Name the rows by what differs between their configs' names and the keys of their grids."""
    configs = list(dict.fromkeys(place[0] for place in places))
    methods = dict(zip(configs, method_names(configs)))
    keys = list(dict.fromkeys(value.split('=')[0] for place in places for value in place[1:]))
    short = {key: shortest_end(key, keys) for key in keys}
    return {
        place: ', '.join([methods[place[0]], *(shortened(value, short) for value in place[1:])])
        for place in places
    }


def method_names(configs: Sequence[str]) -> list[str]:
    """Name configs by the parts of their names that differ between them."""
    names = [name.split('_') for name in configs]
    if len(names) == 1:
        return [names[0][0]]
    shared = set.intersection(*map(set, names)) if names else set()
    short = ['_'.join(part for part in name if part not in shared) for name in names]
    distinct = all(short) and len(set(short)) == len(short)
    return short if distinct else list(configs)


def shortest_end(key: str, keys: Iterable[str]) -> str:
    """Return the last parts of a dotted key that no other key ends with."""
    parts, others = key.split('.'), [f'.{other}' for other in keys if other != key]
    ends = ['.'.join(parts[-n:]) for n in range(1, len(parts) + 1)]
    return next((e for e in ends if not any(o.endswith(f'.{e}') for o in others)), key)


def shortened(value: str, short: dict[str, str]) -> str:
    key, _, text = value.partition('=')
    return f'{short[key]}={unquote(text)}'


def find_row(name: str, names: dict[Place, str]) -> Place:
    """Return the place that a row's name, a config's name or a config file stands for.

    Raises:
        UserError: If there is no such row, or several.
    """
    exact = [place for place, row in names.items() if row == name or place == (config_name(name),)]
    found = exact or [place for place in names if place[0] == config_name(name)]
    if len(found) == 1:
        return found[0]
    rows = ', '.join(names[place] for place in found or names)
    match = closest(name, names.values())
    raise UserError(
        f'--baseline {name} stands for '
        + (
            f'several rows; choose one of them: {rows}'
            if found
            else f'no row of the report: {rows}'
        )
        + (f'; did you mean {match}?' if match and not found else '')
    )

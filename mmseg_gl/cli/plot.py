"""Draw the curves of one or several training runs.

Draws losses, the discriminators' accuracies, the target's entropy, and the mIoU and scores of the
validations over the iterations, across all resumptions. Each run has a colour.

Examples:
    python tools/plot.py work_dirs/RUN
    python tools/plot.py work_dirs/ab/CONFIG/seed_* --out seeds.png
"""

import argparse
import os
import re
from collections.abc import Sequence
from typing import Any

from mmseg_gl.cli.parser import ToolParser
from mmseg_gl.cli.tool import run_tool
from mmseg_gl.errors import UserError
from mmseg_gl.experiments.scalars import curve, read_scalars
from mmseg_gl.files import make_folder
from mmseg_gl.visualization.curves import SHARE, Curve, check_own_picture, draw_curves

# The order of the panels. Those of validations have few points, which are not smoothed.
VALIDATED = re.compile(r'mIoU|source/mIoU|score/.*')
TRAINED = (r'entropy_target', r'loss_(?!adv_|d_).*', r'loss_adv_.*', r'loss_d_.*')
ACCURACY = re.compile(r'acc_d_(source|target)_(.*)')
NOTE = (
    f'Thin: as logged. Thick: moving mean over 1/{SHARE} of the points, at least 3. '
    'acc_d: source solid, target dashed.'
)


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__)
    parser.add_argument(
        'work_dirs', nargs='+', metavar='WORK_DIR', help='work dirs of tools/train.py'
    )
    parser.add_argument(
        '--out', metavar='FILE.png', help='the picture (default, of one run: WORK_DIR/curves.png)'
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    work_dirs = list(dict.fromkeys(os.path.normpath(path) for path in args.work_dirs))
    if not args.out and len(work_dirs) > 1:
        raise UserError('several runs have no folder of their own: name the picture with --out')
    out = args.out or os.path.join(work_dirs[0], 'curves.png')
    if not out.endswith('.png'):
        raise UserError(f'--out {out}: expected a name that ends in .png')
    runs = dict(zip(run_names(work_dirs), map(scalars_of, work_dirs)))
    check_own_picture(out, '--out')
    make_folder(os.path.dirname(out) or '.', '--out')
    draw_curves(panels_of(runs), out, NOTE)
    print(f'wrote {out}')


def scalars_of(work_dir: str) -> list[dict[str, Any]]:
    """Read what a run has logged; raise a UserError if it is nothing that can be drawn."""
    records = read_scalars(work_dir) if os.path.isdir(work_dir) else []
    if not panels_of({'': records}):
        raise UserError(
            f'{work_dir} holds no scalars of a training run (TIME/vis_data/scalars.json); give '
            'the --work-dir of tools/train.py'
        )
    return records


def run_names(paths: Sequence[str]) -> list[str]:
    """Name runs by the parts of their paths between what all begin and end with."""
    parts = [os.path.abspath(path).split(os.sep) for path in paths]
    if len(parts) == 1:
        return [os.sep.join(parts[0][-2:])]
    first = os.path.commonprefix(parts)
    ends = [own[len(first) :] for own in parts]
    last = os.path.commonprefix([own[::-1] for own in ends])
    return [os.sep.join(own[: len(own) - len(last)]) or '.' for own in ends]


def panels_of(runs: dict[str, list[dict[str, Any]]]) -> dict[str, list[Curve]]:
    """Return the curves of all runs by panel, without panels that no run has.

    Args:
        runs: Records by the run's name; see :func:`read_scalars`.
    """
    names = list(dict.fromkeys(name for records in runs.values() for r in records for name in r))
    panels: dict[str, list[Curve]] = {}

    def add(title: str, name: str, dashed: bool = False, smooth: bool = True) -> None:
        for run, records in runs.items():
            if points := curve(records, name):
                line = Curve(run, points, dashed, dots=not smooth)
                panels.setdefault(title, []).extend(line.smoothed() if smooth else [line])

    for name in filter(VALIDATED.fullmatch, names):
        add('target mIoU (%)' if name == 'mIoU' else name, name, smooth=False)
    for pattern in TRAINED:
        for name in names:
            if re.fullmatch(pattern, name):
                add(name, name)
    for name in names:
        if match := ACCURACY.fullmatch(name):
            add(f'acc_d_{match[2]}', name, dashed=match[1] == 'target')
    return panels


if __name__ == '__main__':
    run_tool(main)

"""Run a recipe: a method of several stages, such as BDL.

Prints the plan, skips finished stages, resumes an interrupted one, and finally prints a table with
the target mIoU of each stage of training.

Example:
    python tools/run_recipe.py configs/bdl/recipes/bdl_deeplabv2-tiny_street-scenes.py
"""

import argparse
import fcntl
import os
import time
from collections.abc import Sequence
from typing import TextIO

from mmseg_gl.cli.parser import SEED, ToolParser, add_cfg_options
from mmseg_gl.cli.tool import run_tool, shell_command
from mmseg_gl.errors import UserError
from mmseg_gl.experiments.recipe import load_recipe
from mmseg_gl.experiments.scalars import validation_curve
from mmseg_gl.experiments.stage import Stage
from mmseg_gl.experiments.tool_process import ToolProcess, run_all
from mmseg_gl.files import check_lock_name, make_folder

STATUS_INTERVAL = 30  # seconds between progress lines
SPECIAL = set(',[](){}="\'')  # characters that --cfg-options does not accept in a path


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__)
    parser.add_argument('recipe', help='recipe file, e.g. one in configs/bdl/recipes/')
    parser.add_argument(
        '--work-dir', help='output folder (default: work_dirs/ and the name of the recipe)'
    )
    parser.add_argument('--seed', type=SEED, default=0, help='random seed of training (default: 0)')
    parser.add_argument(
        '--dry-run', action='store_true', help='print the plan with its commands and exit'
    )
    add_cfg_options(parser, help='change settings of every stage whose config has the key')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    name = os.path.splitext(os.path.basename(args.recipe))[0]
    work_dir = args.work_dir or os.path.join('work_dirs', name)
    if SPECIAL & set(work_dir):
        raise UserError(f'--work-dir {work_dir}: choose a name without quotes or brackets')
    stages = load_recipe(args.recipe, work_dir, args.seed, args.cfg_options)
    print_plan(stages, commands=args.dry_run)
    for stage in stages:
        stage.check()
    if args.dry_run:
        return
    make_folder(work_dir, '--work-dir')
    path = os.path.join(work_dir, 'recipe.lock')
    check_lock_name(path)
    with open(path, 'a') as lock:
        hold(lock, work_dir)
        for number, stage in enumerate(stages, 1):
            if not stage.is_done():
                run_stage(stage, f'{number}/{len(stages)} {stage.name}', lock)
    print_results(stages)


def print_plan(stages: Sequence[Stage], commands: bool) -> None:
    """Print the state, name, tool and config of each stage and, if asked for, its command."""
    width = max(len(stage.name) for stage in stages)
    for number, stage in enumerate(stages, 1):
        state, name = stage.state(), stage.name.ljust(width)
        print(f'{number:3} {state:12} {name}  {stage.tool:12} {stage.config}')
        if commands:
            print(f'    {shell_command(stage.tool, stage.arguments())}')


def hold(lock: TextIO, work_dir: str) -> None:
    """Lock a work dir; raise a UserError if another run, or a tool of one, holds the lock."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise UserError(
            f'{work_dir}: another run of a recipe, or a tool that it has started, is still '
            'running there; wait for it or stop it'
        ) from error


def run_stage(stage: Stage, name: str, lock: TextIO) -> None:
    """Run one stage in its own process, which shares the lock, and print progress at intervals.

    Raises:
        UserError: If the tool fails or leaves the stage unfinished.
    """
    stage.begin()
    process = ToolProcess(
        name, stage.tool, stage.arguments(), stage.log_file, pass_fds=(lock.fileno(),)
    )
    print(f'{name}: {stage.tool}, log in {stage.log_file}', flush=True)
    start = time.monotonic()

    def show(clock: str) -> None:
        if progress := process.progress():
            print(f'[{clock}] {name}: {progress}', flush=True)

    run_all([process.run], process.stop, show, interval=STATUS_INTERVAL)
    if not stage.is_done():
        raise UserError(
            f'{name}: {stage.tool} ended before the stage was complete; see {stage.log_file}'
        )
    seconds = time.monotonic() - start
    print(f'{name}: done in {time.strftime("%H:%M:%S", time.gmtime(seconds))}', flush=True)


def print_results(stages: Sequence[Stage]) -> None:
    print('\nTarget mIoU (%) of the last iterate, and of the best validation of the stage:\n')
    print('| stage | last | best |\n|---|---|---|')
    for stage in stages:
        curve = validation_curve(stage.dir) if stage.tool == 'train' else {}
        if curve:
            print(f'| {stage.name} | {curve[max(curve)]:.1f} | {max(curve.values()):.1f} |')


if __name__ == '__main__':
    run_tool(main)

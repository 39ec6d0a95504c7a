"""Run a recipe, e.g. all of BDL: python tools/run_recipe.py RECIPE [--work-dir DIR] [--dry-run].

Prints the plan, skips finished stages, goes on with an interrupted one, and ends with a table of
the target mIoU of every trained stage.
"""

import argparse
import fcntl
import os
import time
from concurrent.futures import ThreadPoolExecutor

from mmseg_gl.cli.parser import ToolParser
from mmseg_gl.cli.tool import run_tool, shell_command
from mmseg_gl.errors import UserError
from mmseg_gl.experiments.comparison import validation_curve
from mmseg_gl.experiments.recipe import load_recipe
from mmseg_gl.experiments.tool_process import ToolProcess
from mmseg_gl.files import check_lock_name, make_folder

STATUS_INTERVAL = 30  # seconds between progress lines
SPECIAL = set(',[](){}="\'')  # what --cfg-options would not take as part of a path


def parse_args():
    parser = ToolParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('recipe', help='recipe file, e.g. of configs/bdl/recipes/')
    parser.add_argument('--work-dir', help='default: work_dirs/ and the name of the recipe')
    parser.add_argument('--seed', type=int, default=0, help='random seed of training')
    parser.add_argument('--dry-run', action='store_true', help='print the plan and end')
    return parser.parse_args()


def main():
    args = parse_args()
    if not 0 <= args.seed < 2**32:
        raise UserError(f'--seed {args.seed}: expected a number from 0 to {2**32 - 1}')
    name = os.path.splitext(os.path.basename(args.recipe))[0]
    work_dir = args.work_dir or os.path.join('work_dirs', name)
    if SPECIAL & set(work_dir):
        raise UserError(f'--work-dir {work_dir}: please choose a name without quotes and brackets')
    stages = load_recipe(args.recipe, work_dir, args.seed)
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


def print_plan(stages, commands):
    width = max(len(stage.name) for stage in stages)
    for number, stage in enumerate(stages, 1):
        state, name = stage.state(), stage.name.ljust(width)
        print(f'{number:3} {state:12} {name}  {stage.tool:12} {stage.config}')
        if commands:
            print(f'    {shell_command(stage.tool, stage.arguments())}')


def hold(lock, work_dir):
    """Make sure that only one run works in a folder; its tools keep the lock while they run."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise UserError(
            f'{work_dir}: another run of a recipe, or a tool that it has started, is still at work '
            'there; wait for it or stop it'
        ) from error


def run_stage(stage, name, lock):
    """Run one stage in a process of its own and print its progress now and then."""
    stage.begin()
    process = ToolProcess(
        name, stage.tool, stage.arguments(), stage.log_file, pass_fds=(lock.fileno(),)
    )
    print(f'{name}: {stage.tool}, log in {stage.log_file}', flush=True)
    start = shown = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(process.run)
        try:
            while not future.done():
                time.sleep(0.2)
                now = time.monotonic()
                if now - shown > STATUS_INTERVAL and (progress := process.progress()):
                    shown = now
                    print(f'[{clock(now - start)}] {name}: {progress}', flush=True)
        except BaseException:  # interrupted: the tool ends first
            process.stop()
            raise
    future.result()
    if not stage.is_done():
        raise UserError(f'{name}: {stage.tool} has ended before its end; see {stage.log_file}')
    print(f'{name}: done in {clock(time.monotonic() - start)}', flush=True)


def clock(seconds):
    return time.strftime('%H:%M:%S', time.gmtime(seconds))


def print_results(stages):
    print('\nTarget mIoU (%) of the last iterate, and of the best validation of the stage:\n')
    print('| stage | last | best |\n|---|---|---|')
    for stage in stages:
        curve = validation_curve(stage.dir) if stage.tool == 'train' else {}
        if curve:
            print(f'| {stage.name} | {curve[max(curve)]:.1f} | {max(curve.values()):.1f} |')


if __name__ == '__main__':
    run_tool(main)

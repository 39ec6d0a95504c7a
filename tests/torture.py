"""Kill training at random moments: python -m tests.torture [--kills N] [--seed N] [--work-dir DIR].

A small street-scenes run with both phases, a teacher and views is trained without interruption, and
then again in a process that is killed (SIGKILL, now and then SIGTERM) at a random moment and
started again with --resume until it is done, and so on for the number of kills. Every finished run
must have the files of the uninterrupted one, bit for bit, and no kill may damage or lose a
checkpoint.
"""

import argparse
import os
import random
import re
import runpy
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

import torch
from mmengine.config import Config
from torch.optim.optimizer import register_optimizer_step_pre_hook

import mmseg_gl.config.load  # noqa: F401  (before the processes are forked, to load it once)
from mmseg_gl import files
from mmseg_gl.engine.checkpoint import last_checkpoint, newest_whole_checkpoint
from mmseg_gl.street_scenes import StreetScenesConfig, generate
from mmseg_gl.weights.files import read_checkpoint
from tests.run_states import assert_same_run

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / 'configs/adaptsegnet/adaptsegnet-gl_deeplabv2-tiny_street-scenes.py'
# Everything that has a state: heads, a teacher and views with random numbers of their own.
SETTINGS = f"""
_base_ = {str(CONFIG)!r}
model = dict(
    teacher=dict(type='EMATeacher', momentum=0.1, buffers='average'),
    views=dict(
        mix=dict(type='ClassMix', augmentation=dict(type='StrongAugmentation')),
        masked=dict(type='MaskedImages', block_size=8, teacher=dict(type='EMATeacher')),
    ),
)
"""
POLITE = 4  # one kill in so many is a SIGTERM


class Torture:
    """Starts runs in one folder.

    Args:
        folder (Path): Where data and runs are.
        iterations (int): Of a run. It validates every fifth, saves every second, and phase 2 begins
            after a third.
    """

    def __init__(self, folder, iterations):
        self.folder, self.iterations = folder, iterations
        (folder / 'config.py').write_text(SETTINGS)
        generate(
            StreetScenesConfig(height=32, width=64, train=6, val=2), folder / 'data', workers=1
        )

    def start(self, name, workers=0, fate=None):
        """Start or resume training in a process of its own.

        Args:
            name (str): The run's folder.
            workers (int): Number of data workers.
            fate (tuple[str, int] | None): Where the process shall kill itself; see :func:`doom`.

        Returns:
            int: Its process id.
        """
        data = self.folder / 'data'
        options = {
            'train_dataloader.dataset.source.data_root': data / 'GTA5',
            'train_dataloader.dataset.target.data_root': data / 'cityscapes',
            'val_dataloader.dataset.data_root': data / 'cityscapes',
            'val_dataloader.dataset.pipeline.1.scale': '(64,32)',
            'train_dataloader.num_workers': workers,
            'train_cfg.max_iters': self.iterations,
            'train_cfg.val_interval': 5,
            'custom_hooks.0.begin': self.iterations // 3,
            'default_hooks.checkpoint.interval': 2,
            'default_hooks.logger.interval': 1,
        }
        sys.argv = [
            *(
                'train.py',
                str(self.folder / 'config.py'),
                '--work-dir',
                str(self.folder / name),
                '--resume',
            ),
            *('--cfg-options', *(f'{key}={value}' for key, value in options.items())),
        ]
        sys.stdout.flush()
        if process := os.fork():
            return process
        try:
            with open(self.folder / f'{name}.log', 'a') as log:
                os.dup2(log.fileno(), 1)
                os.dup2(log.fileno(), 2)
            Config.pretty_text = property(repr)  # formatting takes half the time
            if fate:
                doom(*fate)
            runpy.run_path(str(ROOT / 'tools/train.py'), run_name='__main__')
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            traceback.print_exc()
            code = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    def finish(self, name):
        """Train to the end and fail unless that works."""
        code = wait(self.start(name))
        assert code == 0, f'training ended with {code}: see {self.folder / name}.log'

    def check_nothing_is_lost(self, name, before):
        """Return the number of iterations saved, at least ``before``; all files must be whole."""
        folder = self.folder / name
        for path in folder.glob('*.pth'):
            read_checkpoint(path)
        last, newest = last_checkpoint(folder), (newest_whole_checkpoint(folder) or [None])[0]
        assert last is None or last == newest  # None: killed before the first one was named
        saved = int(re.search(r'iter_(\d+)', newest)[1]) if newest else 0
        assert saved >= before, f'{newest}, but {before} iterations were saved before'
        return saved


def doom(event, count):
    """Make the process kill itself with SIGKILL.

    Args:
        event (str): 'step': before an optimizer's step (one of several per iteration); 'write': a
            half of a file is written; 'written': a file has got its name.
        count (int): Which occurrence of the event triggers the kill, counted from 1.
    """
    remaining = count

    def countdown():
        nonlocal remaining
        remaining -= 1
        return remaining == 0

    def step(*_):
        if countdown():
            os.kill(os.getpid(), signal.SIGKILL)

    def fsync(descriptor):
        if countdown():
            os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)

    def sync_folder(path):
        if countdown():
            os.kill(os.getpid(), signal.SIGKILL)

    if event == 'step':
        register_optimizer_step_pre_hook(step)
    elif event == 'write':
        files.os = type('os', (), {**vars(os), 'fsync': staticmethod(fsync)})
    else:
        files.sync_folder = sync_folder


def wait(process):
    """Wait for a process and return its exit code, or minus the signal that has killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def torture(folder, kills, iterations, seed):
    """Kill runs at random moments, ``kills`` times with SIGKILL."""
    rng = random.Random(seed)
    work = Torture(folder, iterations)
    begin = time.monotonic()
    work.finish('straight')
    duration = time.monotonic() - begin
    runs = killed = asked = 0
    while killed < kills:
        runs, saved = runs + 1, 0
        name = f'run_{runs}'
        while True:
            polite = rng.random() < 1 / POLITE
            process = work.start(name, workers=rng.randrange(2))
            moment = rng.uniform(0.1, 1) * duration
            time.sleep(moment)
            os.kill(process, signal.SIGTERM if polite else signal.SIGKILL)
            code = wait(process)
            if code == 0:
                duration *= 0.8  # the machine has become faster
                break
            ends = (-signal.SIGTERM, 128 + signal.SIGTERM) if polite else (-signal.SIGKILL,)
            assert code in ends, f'training ended with {code}: see {folder / name}.log'
            killed, asked = killed + (not polite), asked + polite
            saved = work.check_nothing_is_lost(name, saved)
            print(
                f'{name}: {"SIGTERM" if polite else "SIGKILL"} after {moment:.1f} s, '
                f'{saved} of {iterations} iterations saved',
                flush=True,
            )
            if killed >= kills:
                work.finish(name)
                break
        assert_same_run(folder / 'straight', folder / name)
        print(f'{name}: equal to the uninterrupted run', flush=True)
    print(f'{killed} SIGKILLs and {asked} SIGTERMs in {runs} runs: nothing lost, all equal')


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--kills', type=int, default=20)
    parser.add_argument('--iterations', type=int, default=40)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--work-dir', type=Path, help='a new folder; default: a temporary one')
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        torture(args.work_dir or Path(temporary), args.kills, args.iterations, args.seed)


if __name__ == '__main__':
    main()

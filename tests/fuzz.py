"""Damaged input for all tools: python -m tests.fuzz [--minutes N] [--seed N] [--case N].

Each case takes a command that works, on tiny street scenes, damages what it reads (config, options,
arguments, checkpoint, images and labels, or the results that it finds in its folder) and runs it in
a forked process. It must end with exit code 0, 1 or 2 and without a traceback, change nothing but
its output, keep a user's file there, and run nothing that is in a checkpoint or among results.
"""

import argparse
import copy
import gc
import itertools
import os
import random
import re
import resource
import runpy
import shutil
import signal
import stat
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import matplotlib.backends.backend_agg  # noqa: F401  (what follows is loaded once, not per process)
import matplotlib.figure  # noqa: F401
import torch
import torch._dynamo  # noqa: F401
from mmengine.logging import MMLogger
from yapf.yapflib import yapf_api

from mmseg_gl.config.load import load_config
from mmseg_gl.experiments import tool_process
from mmseg_gl.experiments.official_networks import find_layouts
from tests.bad_input_table import (
    ADAPTSEGNET,
    CYCLEGAN,
    LOCAL,
    ROOT,
    SOURCE_IMAGE,
    SOURCE_ONLY,
    Bench,
    Shared,
)
from tests.damage import (
    ODD,
    ODD_TEXTS,
    damage,
    damage_bytes,
    damage_checkpoint,
    damage_image,
    damage_name,
    damage_results,
    somewhere,
)

OUTPUT = ('work', 'out', 'tmp')  # the folders of a case that its tool may write to
PRECIOUS = 'of the user'
MEMORY = 16 << 30

# Commands that work: (bench, config, weights) -> arguments.
COMMANDS = {
    'train': lambda b, c, w: b.train(config=c),
    'train load_from': lambda b, c, w: b.train(f'load_from={w}', config=c),
    'train --resume': lambda b, c, w: b.train(
        'train_cfg.max_iters=3', config=c, more=['--resume', w]
    ),
    'test': lambda b, c, w: b.test(config=c, weights=w),
    'test --out': lambda b, c, w: b.test(
        config=c, weights=w, more=['--out', b.folder / 'out/a', '--show-dir', b.folder / 'out/b']
    ),
    'infer': lambda b, c, w: b.infer(config=c, weights=w),
    'pseudo_label': lambda b, c, w: b.label(
        '--cfg-options', 'test_dataloader.dataset.pipeline.1.scale=(64,32)', config=c, weights=w
    ),
    'translate': lambda b, c, w: b.translate(config=c, weights=w),
    'check_data': lambda b, c, w: [c, '--workers', 1],
    'compare': lambda b, c, w: b.compare(c, '--cfg-options', 'train_cfg.max_iters=1'),
    'run_recipe': lambda b, c, w: [c, '--work-dir', b.folder / 'work'],
    'convert_weights': lambda b, c, w: [
        *('cyclegan-discriminator', w, b.folder / 'out/new.pth', '--domain', 'source', '--reverse')
    ],
    'benchmark': lambda b, c, w: [c, '--iters', 1, '--size', '64x32', '64x32'],
    'make_street_scenes': lambda b, c, w: [
        *(b.folder / 'out/scenes', '--size', '32x64', '--train', 2, '--val', 2, '--workers', 1)
    ],
}
# Which commands read what; those that are named twice or that start others take more time or less.
READ_CONFIG = [
    *('train', 'train', 'train load_from', 'train --resume', 'test', 'test --out', 'infer'),
    *('pseudo_label', 'translate', 'check_data', 'benchmark', 'compare', 'run_recipe'),
]
READ_WEIGHTS = [
    *('train load_from', 'train --resume', 'train --resume', 'test', 'infer', 'pseudo_label'),
    *('translate', 'convert_weights'),
]
READ_IMAGES = {
    'train': 'GTA5/*/*.png',
    'test --out': 'cityscapes/*/val/*/*.png',
    'infer': 'cityscapes/leftImg8bit/val/*/*.png',
    'pseudo_label': 'cityscapes/leftImg8bit/train/*/*.png',
    'translate': 'GTA5/images/*.png',
    'check_data': '**/*.png',
    'compare': '**/*.png',
}
READ_LIST = {
    'train': 'train_dataloader.dataset.source',
    'test --out': 'test_dataloader.dataset',
    'pseudo_label': 'train_dataloader.dataset.target',
    'translate': 'translation_dataset',
    'check_data': 'train_dataloader.dataset.source',
}
READ_RESULTS = [
    *('train', 'train', 'train', 'test', 'infer', 'pseudo_label', 'pseudo_label', 'translate'),
    *('compare', 'run_recipe', 'make_street_scenes'),
]


class World:
    """The folder of everything: what the cases start from, canaries, and the case at hand."""

    def __init__(self, root):
        self.root, self.case = Path(root), Path(root, 'case')
        self.executed = self.root / 'executed'  # made by code that must not run
        self.canary = self.root / 'canary/iter_1.pth'
        self.canary.parent.mkdir(parents=True)
        self.canary.write_text(PRECIOUS)
        (self.root / 'shared').mkdir()
        self.shared = Shared(self.root / 'shared')
        shutil.copy(self.shared.data / SOURCE_IMAGE, self.canary.with_name('image.png'))
        os.environ['STREET_SCENES'] = str(self.case / 'street_scenes')
        configs = (ADAPTSEGNET, SOURCE_ONLY, LOCAL, CYCLEGAN)
        self.settings = {config: load_config(config).to_dict() for config in configs}
        self.recipe = self.shared.folder / 'recipe.py'
        self.settings[self.recipe] = dict(stages=stages())
        self.recipe.write_text(f'stages = {stages()}')
        self.weights = {None: self.shared.folder / 'discriminator.pth'}
        shapes = find_layouts('cyclegan-discriminator', 'source')[0].own_shapes
        state = {name: torch.zeros(1).expand(shape) for name, shape in shapes.items()}
        official = dict(network='define_D', left={}, names=[])
        torch.save(dict(state_dict=state, official=official), self.weights[None])
        for config in configs:
            bench = self.bench()
            self.run_well('train', bench.train('train_cfg.max_iters=2', config=config))
            self.weights[config] = self.shared.folder / f'{config.stem}.pth'
            (bench.folder / 'work/iter_2.pth').rename(self.weights[config])

    def bench(self):
        """Return a new folder for a case."""
        shutil.rmtree(self.case, ignore_errors=True)
        for name in OUTPUT:
            (self.case / name).mkdir(parents=True)
        return Bench(self.shared, self.case)

    def inputs_of(self, command, rng=None):
        """Return a config for a command, and weights; with random numbers one of several."""
        own = {'translate': CYCLEGAN, 'run_recipe': self.recipe, 'convert_weights': None}
        config = own.get(command, ADAPTSEGNET)
        if rng and config == ADAPTSEGNET and command not in ('pseudo_label', 'benchmark'):
            config = rng.choice((ADAPTSEGNET, SOURCE_ONLY, LOCAL))
        return config, self.weights.get(config)

    def run_well(self, command, arguments):
        process = start(command.split()[0], arguments, self.case / 'tmp')
        code = wait(process, time.monotonic() + 300)
        assert code == 0, f'{command} {code}: {(self.case / "tmp/stderr").read_text()}'

    def restore(self, bench, command):
        """Put the results of a command into a case's folder."""
        kept = self.shared.folder / f'results of {command}'
        if not kept.exists():
            self.run_well(command, COMMANDS[command](bench, *self.inputs_of(command)))
            for name in OUTPUT[:2]:
                shutil.copytree(self.case / name, kept / name)
        for name in OUTPUT[:2]:
            shutil.copytree(kept / name, self.case / name, dirs_exist_ok=True)

    def snapshot(self):
        """Return what a tool must leave alone: a stamp per path."""
        stamps = {}
        for folder, folders, files in os.walk(self.root):
            if Path(folder) == self.case:
                folders[:] = [name for name in folders if name not in OUTPUT]
            for path in (os.path.join(folder, name) for name in (*folders, *files)):
                info = os.lstat(path)
                is_folder = stat.S_ISDIR(info.st_mode)
                stamps[path] = is_folder or (info.st_mode, info.st_size, info.st_mtime_ns)
        return stamps


def stages():
    """Return the stages of a short recipe."""
    first, second = str(ADAPTSEGNET), str(CYCLEGAN)
    short = {'train_cfg.max_iters': 1}
    return [
        dict(name='a', tool='train', config=first, options=short),
        dict(name='b', tool='pseudo_label', config=first, checkpoint='{a}'),
        dict(name='c', tool='train', config=second, options=short),
        dict(name='d', tool='translate', config=second, checkpoint='{c}'),
    ]


def files_in(folder, names):
    return sorted(p for name in names for p in (folder / name).rglob('*') if p.is_file())


# Kinds of cases: (rng, world, bench) -> command, arguments, what is damaged


def config_case(rng, world, bench):
    command = rng.choice(READ_CONFIG)
    config, weights = world.inputs_of(command, rng)
    settings = copy.deepcopy(world.settings[config])
    if 'train_cfg' in settings:
        settings['train_cfg']['max_iters'] = 2
    what = [
        damage(rng, settings, lambda _: f'@{rng.randrange(len(ODD))}@')
        for _ in range(rng.choice((1, 1, 1, 3)))
    ]
    lines = '\n'.join(f'{key} = {value!r}' for key, value in settings.items())
    lines, what = (
        re.sub(r"'@(\d+)@'", lambda match: ODD[int(match[1])], text) for text in (lines, str(what))
    )
    own = bench.path('own.py', lines)
    if rng.random() < 0.1:
        what = damage_bytes(rng, own)
    arguments = COMMANDS[command](bench, own, weights)
    if '--cfg-options' in arguments:  # they would hide what is damaged
        arguments = arguments[: arguments.index('--cfg-options')]
    return command, arguments, what


def option_case(rng, world, bench):
    command = rng.choice([c for c in READ_CONFIG if c != 'run_recipe'])
    config, weights = world.inputs_of(command, rng)
    options = []
    for _ in range(rng.choice((1, 1, 3))):
        keys = somewhere(rng, world.settings[config])
        keys += rng.choices(('x', 0, ''), k=rng.random() < 0.1)
        options.append(f'{".".join(map(str, keys))}={rng.choice((*ODD_TEXTS, *ODD))}')
    return command, [*COMMANDS[command](bench, config, weights), '--cfg-options', *options], options


def argument_case(rng, world, bench):
    command = rng.choice(list(COMMANDS))
    arguments = COMMANDS[command](bench, *world.inputs_of(command))
    place, value = rng.randrange(len(arguments)), rng.choice((*ODD_TEXTS, world.canary))
    kind = rng.choice(('replace', 'replace', 'insert', 'remove'))
    if 'max_iters' in str(arguments[place]):  # would train for long
        kind = 'insert'
    arguments[place : place + (kind != 'insert')] = [] if kind == 'remove' else [value]
    return command, arguments, f'{kind} {place}: {value!r}'


def checkpoint_case(rng, world, bench):
    command = rng.choice(READ_WEIGHTS)
    config, weights = world.inputs_of(command, rng)
    path = Path(shutil.copy(weights, bench.folder / 'iter_2.pth'))
    if rng.random() < 0.15:
        what = damage_bytes(rng, path)
    else:
        what = damage_checkpoint(rng, path, world.executed, world.canary)
    return command, COMMANDS[command](bench, config, path), what


def data_case(rng, world, bench):
    command = rng.choice(list(READ_IMAGES))
    arguments = COMMANDS[command](bench, *world.inputs_of(command))
    if command in READ_LIST and rng.random() < 0.3:
        shutil.copytree(world.canary.parent, bench.folder / 'canary')
        outside = (
            '../../../canary/image'  # seen from the data this copy, from the output the canary
        )
        what = rng.choices((outside, outside, '00004', '', '/', '\xff', '../labels/00004'), k=2)
        path = bench.path('list.txt', '\n'.join(what))
        return command, [*arguments, '--cfg-options', f'{READ_LIST[command]}.ann_file={path}'], what
    images = rng.sample(sorted(bench.data.glob(READ_IMAGES[command])), rng.choice((1, 2)))
    damages = (damage_bytes, damage_image, damage_image, damage_name)
    what = [rng.choice(damages)(rng, path) for path in images if path.exists()]
    return command, arguments, what


def results_case(rng, world, bench):
    """Damaged results of an earlier run of the same command, or of what labels for it."""
    command = rng.choice(READ_RESULTS)
    config, weights = world.inputs_of(command)
    world.restore(bench, command)
    files = files_in(bench.folder, OUTPUT[:2])
    suffix = rng.choice(sorted({path.suffix for path in files}))
    path = rng.choice([path for path in files if path.suffix == suffix])
    what = damage_results(rng, path, world.executed, world.canary)
    if command == 'train':
        arguments = bench.train('train_cfg.max_iters=3', config=config, more=['--resume'])
    elif command == 'pseudo_label' and rng.random() < 0.5:
        steps = ('LoadImage', f'LoadPseudoLabels", folder="{bench.folder}/out', 'PackSegInputs')
        steps = ', '.join(f'dict(type="{step}")' for step in steps)
        target = f'train_dataloader = dict(dataset=dict(target=dict(pipeline=[{steps}])))'
        command, arguments = 'train', bench.train(config=bench.config(target, config))
    else:
        arguments = COMMANDS[command](bench, config, weights)
    return command, arguments, what


def foreign_case(rng, world, bench):
    """A file of the user where a tool writes."""
    command = rng.choice(list(COMMANDS))
    config, weights = world.inputs_of(command)
    names = ('report.png', 'report.md', 'metrics.json', 'notes', f'{config and config.stem}.py')
    path = bench.path(f'{rng.choice(OUTPUT[:2])}/{rng.choice(names)}', PRECIOUS)
    return command, COMMANDS[command](bench, config, weights), path.name


KINDS = (
    *(config_case, config_case, option_case, argument_case, checkpoint_case, checkpoint_case),
    *(data_case, data_case, results_case, results_case, foreign_case),
)


# Running them


class Forked:
    """Stands for subprocess.Popen where a tool starts another one: a fork is faster."""

    def __init__(self, command, stdout, **_):
        tool = command[2].split('.')[-1]  # python -m mmseg_gl.cli.TOOL ...
        self.process = start(tool, command[3:], stdout=stdout.fileno())

    def wait(self):
        return wait(self.process, time.monotonic() + 600)


def start(tool, arguments, folder=None, stdout=None):
    """Run a tool in a forked process.

    Args:
        tool (str): Its name.
        arguments (Sequence): Of the command line.
        folder (Path | None): Its working directory, which gets the files stdout and stderr.
        stdout (int | None): A file descriptor for both of them instead.

    Returns:
        int: The process.
    """
    sys.stdout.flush()
    if process := os.fork():
        return process
    code = 1
    try:
        if folder:
            os.setpgid(0, 0)
            os.chdir(folder)
            tempfile.tempdir = str(folder)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        for descriptor, name in ((1, 'stdout'), (2, 'stderr')):
            os.dup2(stdout or os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
        tool_process.subprocess = SimpleNamespace(Popen=Forked, STDOUT=None)
        yapf_api.FormatCode = lambda text, **_: (text, True)  # takes long, as does:
        gc.collect = lambda *_: 0
        MMLogger._instance_dict.clear()
        path = ROOT / f'tools/{tool}.py'
        sys.argv = [str(path), *map(str, arguments)]
        runpy.run_path(str(path), run_name='__main__')
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def wait(process, deadline):
    """Return the exit code of a process, or minus the signal that has killed it; None: too late."""
    while time.monotonic() < deadline:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.killpg(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return None


def run_case(world, seed, number, timeout):
    """Run a case.

    Returns:
        tuple[str, str, str]: Its kind and command, what it damages and what is said, and what is
        wrong, '' if nothing is.
    """
    rng = random.Random(f'{seed} {number}')
    kind, bench = rng.choice(KINDS), world.bench()
    command, arguments, what = kind(rng, world, bench)
    before = world.snapshot()
    process = start(command.split()[0], arguments, world.case / 'tmp')
    code = wait(process, time.monotonic() + timeout)
    after = world.snapshot()
    errors = (world.case / 'tmp/stderr').read_text(errors='replace')
    output = [path.read_text(errors='replace') for path in files_in(world.case, OUTPUT)]
    wrong = []
    if code not in (0, 1, 2):
        wrong.append(f'exit code {code}' if code is not None else f'not done in {timeout} s')
    for text in output:
        if 'Traceback (most' in text:
            last = text.strip().splitlines()[-1].replace(str(world.root), 'TMP').split(' in <')[0]
            place = re.findall(f'File "{ROOT}/(.*?)", line (\\d+)', text)[-1:] or [('?', 0)]
            wrong.append(f'{":".join(map(str, place[0]))} {last}')
    if (lines := len(re.findall('^error: ', errors, re.M))) != (code == 2):
        wrong.append(f'exit code {code} and {lines} lines of errors')
    if changed := [path for path in {**before, **after} if before.get(path) != after.get(path)]:
        wrong.append(f'changed, made or removed {changed[0].removeprefix(str(world.root))}')
    if kind is foreign_case and PRECIOUS not in output:
        wrong.append("the user's file is gone")
    tail = '\n'.join(f'    {line}' for line in errors.splitlines()[-8:])
    return f'{kind.__name__} {command}', f'{what}\n{tail}', '; '.join(wrong)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--minutes', type=float, default=10)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--case', type=int, nargs='+', help='only these')
    parser.add_argument('--timeout', type=float, default=60, help='seconds that a case may take')
    parser.add_argument('--work-dir', type=Path, help='a new folder; default: a temporary one')
    args = parser.parse_args()
    torch.set_num_threads(1)
    MMLogger.get_current_instance().setLevel('ERROR')
    cases, failures = Counter(), Counter()
    with tempfile.TemporaryDirectory() as temporary:
        world = World(args.work_dir or temporary)
        end = time.monotonic() + 60 * args.minutes
        for number in itertools.count() if args.case is None else args.case:
            name, details, wrong = run_case(world, args.seed, number, args.timeout)
            cases[name.split()[0]] += 1
            if wrong:
                failures[wrong] += 1
                print(f'{name}: {wrong}\n  python -m tests.fuzz --seed {args.seed} --case {number}')
                print(f'  {details}', flush=True)
            if time.monotonic() > end:
                break
    print(', '.join(f'{name} {count}' for name, count in cases.items()))
    print(f'{cases.total()} cases, {failures.total()} failures, {len(failures)} different ones')
    sys.exit(bool(failures))


if __name__ == '__main__':
    main()

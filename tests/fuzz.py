"""Damaged files for all tools: python -m tests.fuzz [--minutes N] [--seed N] [--case N].

Each case takes a command that works, on tiny street scenes, damages what it reads (a config, a
checkpoint, images and labels, or the results of an earlier run in its folder), or puts a file of
the user's in its way, and runs it in a forked process. It must end with exit code 0, 1 or 2 and
without a traceback, change nothing but its output, keep the user's file, and run nothing that is in
a checkpoint or among results.
"""

import argparse
import copy
import gc
import io
import itertools
import json
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
import zlib
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import matplotlib.backends.backend_agg  # noqa: F401  (what follows is loaded once, not per process)
import matplotlib.figure  # noqa: F401
import numpy as np
import torch
import torch._dynamo  # noqa: F401
from mmengine.logging import MMLogger
from PIL import Image
from yapf.yapflib import yapf_api

from mmseg_gl.config.load import load_config
from mmseg_gl.experiments import tool_process
from mmseg_gl.experiments.official_networks import find_layouts
from mmseg_gl.street_scenes import StreetScenesConfig, generate
from tests.bad_input_table import ADAPTSEGNET, CYCLEGAN, LOCAL, ROOT, SOURCE_ONLY, Bench, Shared

OUTPUT = ('work', 'out', 'tmp')  # the folders of a case that its tool may write to
PRECIOUS = 'of the user'
MEMORY = 16 << 30  # bytes that a tool may take

# Commands that work: (bench, config, weights) -> arguments.
COMMANDS = {
    'train': lambda b, c, w: b.train(config=c),
    'train load_from': lambda b, c, w: b.train(f'load_from={w}', config=c),
    'train --resume': lambda b, c, w: b.train(
        'train_cfg.max_iters=3', config=c, more=['--resume', w]
    ),
    'test': lambda b, c, w: b.test(
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
READ_CONFIG = [c for c in COMMANDS if c not in ('convert_weights', 'make_street_scenes')]
READ_WEIGHTS = [
    *('train load_from', 'train --resume', 'test', 'infer', 'pseudo_label', 'translate'),
    'convert_weights',
]
READ_IMAGES = {
    'train': 'GTA5/*/*.png',
    'test': 'cityscapes/*/val/*/*.png',
    'infer': 'cityscapes/leftImg8bit/val/*/*.png',
    'pseudo_label': 'cityscapes/leftImg8bit/train/*/*.png',
    'translate': 'GTA5/images/*.png',
    'check_data': '**/*.png',
}
READ_RESULTS = [
    *('train', 'train', 'test', 'infer', 'pseudo_label', 'translate', 'compare', 'run_recipe'),
    'make_street_scenes',
]

# Damage: each function says in a word what it has done

ODD = (  # values of a wrong kind, as Python writes them
    *('None', 'True', '-1', '0', '3', '0.5', '-2**70', '1e309', "float('nan')", "b'bytes'", 'len'),
    *("''", "'text'", r"'a\0b'", r"'\udce9'", '[]', '{}', '()', "[1, 'two', None]", '{3, 4}'),
    *("{'type': 'Nothing'}", '{1: 2}', '[[[]]]', 'object()', 'range(3)', '[0.5, -3]'),
)
ODD_TENSORS = (
    *(torch.Tensor.double, torch.Tensor.half, torch.Tensor.bool, torch.Tensor.int),
    *(torch.Tensor.flatten, torch.Tensor.tolist, torch.Tensor.to_sparse),
    *(lambda t: t[:1], lambda t: t[None], lambda t: t.new_empty(0), lambda t: t.to('meta')),
    *(lambda t: t + 1j, lambda t: t.double() * torch.nan, lambda t: t.float() * 1e38),
)
FORMATS = ('PNG', 'PNG', 'JPEG', 'BMP', 'GIF', 'TIFF', 'WEBP', 'PPM', 'TGA', 'EPS', 'DDS', 'ICO')
MODES = ('1', 'L', 'LA', 'P', 'RGB', 'RGBA', 'CMYK', 'YCbCr', 'I', 'I;16', 'F')
SIZES = (*[(64, 32)] * 5, (1, 1), (1, 400), (63, 33), (32, 64), (9400, 9400), (20000, 20000))


def damage_value(rng, value, odd):
    """Replace, remove, nest or rename something inside nested dicts and lists, in place."""
    path, holder = [], None
    while isinstance(value, dict | list) and value and (not path or rng.random() < 0.75):
        holder = value
        path.append(rng.choice(list(value) if isinstance(value, dict) else range(len(value))))
        value = value[path[-1]]
    if not path:
        return 'nothing'
    kind = rng.choice(('replace', 'replace', 'replace', 'remove', 'nest', 'rename'))
    if kind == 'replace':
        holder[path[-1]] = odd(value)
    elif kind == 'nest':
        holder[path[-1]] = rng.choice(([value], [value, value], {'type': value}))
    else:
        del holder[path[-1]]
        if kind == 'rename' and isinstance(holder, dict):
            holder[rng.choice((f'{path[-1]}x', '', 'type', 0))] = value
    new = f' by {holder[path[-1]]!r:.60}' if kind == 'replace' else ''
    return f'{kind} {".".join(map(str, path))}{new}'


def damage_bytes(rng, path):
    """Damage a file, or put something else in its place."""
    content = bytearray(path.read_bytes())
    path.unlink()
    kind = rng.choice(('cut', 'flip', 'flip', 'noise', 'empty', 'gone', 'FIFO', 'folder', 'link'))
    if kind == 'cut':
        path.write_bytes(content[: int(rng.random() * len(content))])
    elif kind == 'flip':
        for _ in range(rng.choice((1, 5, 50)) if content else 0):
            content[int(rng.random() * len(content))] ^= 1 << rng.randrange(8)
        place = 8 if content.startswith(b'\x89PNG') and rng.random() < 0.7 else len(content)
        while place + 12 <= len(content):  # new check sums, or a decoder would not read on
            end = place + 8 + int.from_bytes(content[place : place + 4], 'big')
            content[end : end + 4] = zlib.crc32(content[place + 4 : end]).to_bytes(4, 'big')
            place = end + 4
        path.write_bytes(content)
    elif kind in ('noise', 'empty'):
        path.write_bytes(rng.randbytes(300) if kind == 'noise' else b'')
    elif kind == 'FIFO':
        os.mkfifo(path)
    elif kind == 'folder':
        path.mkdir()
    elif kind == 'link':
        path.symlink_to(rng.choice(('/nowhere/a', path.name)))
    return f'{kind}: {path.name}'


def damage_image(rng, path):
    """Replace an image by one of another format, mode, size or content."""
    size = rng.choice(SIZES)
    image = Image.new('L', size, rng.randrange(34))
    image = image.convert(rng.choice(MODES) if size[0] < 9000 else '1')
    if rng.random() < 0.3:
        kind = rng.choice((np.uint8, np.uint16, np.int32))
        pixels = np.frombuffer(rng.randbytes(64 * 32 * 4), kind)[: 64 * 32].reshape(32, 64)
        image = Image.fromarray(rng.choice((pixels, (pixels % 34).astype(kind))))
    for kind in (rng.choice(FORMATS), 'PNG', 'TIFF'):
        try:
            image.save(content := io.BytesIO(), kind)
        except (OSError, ValueError):  # the format has no such images
            continue
        path.write_bytes(content.getvalue())
        return f'{kind} {image.mode} {image.size}: {path.name}'


class Code:
    """Makes a folder when it is unpickled; ``source`` is the same in Python."""

    def __init__(self, path):
        self.path, self.source = str(path), f'import os\nos.mkdir({str(path)!r})\n'

    def __reduce__(self):
        return os.mkdir, (self.path,)


def damage_checkpoint(rng, path, world):
    """Damage what is in a checkpoint, or add code and paths of other files."""
    contents, code = torch.load(path, weights_only=True), Code(world.executed)

    def odd(entry):
        if isinstance(entry, torch.Tensor) and rng.random() < 0.8:
            return rng.choice(ODD_TENSORS)(entry)
        return code if rng.random() < 0.05 else eval(rng.choice(ODD))

    info = contents.get('message_hub', {}).get('runtime_info', {})
    kind = rng.choice((*['entry'] * 5, *['code'] * 2, 'paths'))
    if kind == 'entry':
        part = rng.choice(list(contents))
        what = f'in {part} ' if rng.random() < 0.9 else ''
        what += damage_value(rng, contents[part] if what else contents, odd)
    elif kind == 'code':
        meta = contents.setdefault('meta', {})
        place, key = rng.choice(((meta, 'config'), (meta, 'config'), (meta, 'cfg'), (info, 'cfg')))
        place[key], what = rng.choice((code, code.source)), f'code in {key}'
    else:
        name = rng.choice((str(world.canary), f'../../{world.canary.relative_to(world.root)}'))
        key = rng.choice(('outdated_ckpts', 'outdated_ckpts', 'former_best', 'best_ckpt'))
        info[key] = [name] if key == 'outdated_ckpts' else name
        what = f'{key} = {name}'
    try:
        torch.save(contents, path, _use_new_zipfile_serialization=rng.random() < 0.9)
    except Exception:  # what cannot be saved
        return damage_bytes(rng, path)
    return f'{what}: {path.name}'


def damage_results(rng, path, world):
    """Damage a file that a tool has written."""
    if path.suffix == '.pth' and rng.random() < 0.7:
        return damage_checkpoint(rng, path, world)
    if path.suffix == '.png' and rng.random() < 0.5:
        return damage_image(rng, path)
    if path.suffix not in ('.json', '.py') or rng.random() < 0.4:
        return damage_bytes(rng, path)
    if path.suffix == '.py':
        path.write_text(Code(world.executed).source + path.read_text())
        return f'code: {path.name}'
    text = path.read_text()
    try:
        values = [json.loads(text)]
    except ValueError:  # one a line
        values = list(map(json.loads, text.splitlines()))
    what = damage_value(rng, values, lambda _: eval(rng.choice(ODD)))
    path.write_bytes(os.fsencode('\n'.join(json.dumps(value, default=str) for value in values)))
    return f'{what!r}: {path.name}'


class World:
    """The folder of everything: what the cases start from, canaries, and the case at hand."""

    def __init__(self, root):
        self.root, self.case = Path(root), Path(root, 'case')
        self.executed = self.root / 'executed'  # made by code that must not run
        self.canary = self.root / 'canary/iter_1.pth'
        for folder in ('canary', 'shared'):
            (self.root / folder).mkdir(parents=True)
        self.canary.write_text(PRECIOUS)
        data = self.root / 'shared/street_scenes'
        generate(StreetScenesConfig(height=32, width=64, train=6, val=3), data, workers=1)
        self.shared = Shared(self.root / 'shared', data)
        os.environ['STREET_SCENES'] = str(self.case / 'street_scenes')
        self.recipe = self.shared.folder / 'recipe.py'
        first, second, short = str(ADAPTSEGNET), str(CYCLEGAN), {'train_cfg.max_iters': 1}
        stages = [
            dict(name='a', tool='train', config=first, options=short),
            dict(name='b', tool='pseudo_label', config=first, checkpoint='{a}'),
            dict(name='c', tool='train', config=second, options=short),
            dict(name='d', tool='translate', config=second, checkpoint='{c}'),
        ]
        self.recipe.write_text(f'stages = {stages}')
        configs = (ADAPTSEGNET, SOURCE_ONLY, LOCAL, CYCLEGAN)
        self.settings = {config: load_config(config).to_dict() for config in configs}
        self.settings[self.recipe] = dict(stages=stages)
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
        code = wait(start(command.split()[0], arguments, self.case / 'tmp'), 300)
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


def files_in(folder, names):
    return sorted(p for name in names for p in (folder / name).rglob('*') if p.is_file())


# Kinds of cases: (rng, world, bench) -> command, arguments, what is damaged


def config_case(rng, world, bench):
    command = rng.choice(READ_CONFIG)
    config, weights = world.inputs_of(command, rng)
    settings = copy.deepcopy(world.settings[config])
    if 'train_cfg' in settings:
        settings['train_cfg']['max_iters'] = 2
    what = damage_value(rng, settings, lambda _: f'@{rng.randrange(len(ODD))}@')
    lines = '\n'.join(f'{key} = {value!r}' for key, value in settings.items())
    lines, what = (
        re.sub(r"'@(\d+)@'", lambda match: ODD[int(match[1])], text) for text in (lines, what)
    )
    own = bench.path('own.py', lines)
    if rng.random() < 0.1:
        what = damage_bytes(rng, own)
    arguments = COMMANDS[command](bench, own, weights)
    if '--cfg-options' in arguments:  # they would hide what is damaged
        arguments = arguments[: arguments.index('--cfg-options')]
    return command, arguments, what


def checkpoint_case(rng, world, bench):
    command = rng.choice(READ_WEIGHTS)
    config, weights = world.inputs_of(command, rng)
    path = Path(shutil.copy(weights, bench.folder / 'iter_2.pth'))
    bytewise = rng.random() < 0.15
    what = damage_bytes(rng, path) if bytewise else damage_checkpoint(rng, path, world)
    return command, COMMANDS[command](bench, config, path), what


def data_case(rng, world, bench):
    command = rng.choice(list(READ_IMAGES))
    path = rng.choice(sorted(bench.data.glob(READ_IMAGES[command])))
    what = rng.choice((damage_bytes, damage_image))(rng, path)
    return command, COMMANDS[command](bench, *world.inputs_of(command)), what


def results_case(rng, world, bench):
    """Damaged results of an earlier run of the same command, or of what labels for it."""
    command = rng.choice(READ_RESULTS)
    config, weights = world.inputs_of(command)
    world.restore(bench, command)
    files = files_in(bench.folder, OUTPUT[:2])
    suffix = rng.choice(sorted({path.suffix for path in files}))
    what = damage_results(rng, rng.choice([p for p in files if p.suffix == suffix]), world)
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


KINDS = (config_case, checkpoint_case, checkpoint_case, data_case, results_case, foreign_case)


# Running them


class Forked:
    """Stands for subprocess.Popen where a tool starts another one: a fork is faster."""

    def __init__(self, command, stdout, **_):
        tool = command[2].split('.')[-1]  # python -m mmseg_gl.cli.TOOL ...
        self.process = start(tool, command[3:], stdout=stdout.fileno())

    def wait(self):
        return wait(self.process, 600)


def start(tool, arguments, folder=None, stdout=None):
    """Run a tool in a forked process and return its id.

    Args:
        tool (str): Its name.
        arguments (Sequence): Of the command line.
        folder (Path | None): Its working directory, which gets the files stdout and stderr.
        stdout (int | None): A file descriptor for both of them instead.
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


def wait(process, seconds):
    """Return the exit code of a process, or minus the signal that has killed it; None: too late."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.killpg(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return None


def run_case(world, seed, number, timeout):
    """Run a case; return its kind and command, what it damages and is said, and what is wrong."""
    rng = random.Random(f'{seed} {number}')
    kind, bench = rng.choice(KINDS), world.bench()
    command, arguments, what = kind(rng, world, bench)
    before = world.snapshot()
    code = wait(start(command.split()[0], arguments, world.case / 'tmp'), timeout)
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
    args = parser.parse_args()
    torch.set_num_threads(1)
    MMLogger.get_current_instance().setLevel('ERROR')
    cases, failures = Counter(), Counter()
    with tempfile.TemporaryDirectory() as folder:
        world = World(folder)
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

"""The documentation's commands and links: python -m tests.docs_check [--run] [PAGE...].

Bash goes through a page's commands in a copy of the repository, with stand-ins for the programs
that only write down how they were called. Every call of a tool is then checked as the tool does it:
its options, its config, the keys of --cfg-options. With --run, calls are carried out as well, with
tiny street scenes and two iterations, unless they need downloaded data or are examples (CONFIG).
"""

import argparse
import importlib.util
import json
import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import mmseg_gl_command
from mmseg_gl.cli import compare, configs
from mmseg_gl.config.load import load_config
from mmseg_gl.errors import UserError, closest
from mmseg_gl.experiments.recipe import load_recipe
from mmseg_gl.street_scenes import StreetScenesConfig, generate

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob('*.md'), *ROOT.glob('docs/*.md'), *ROOT.glob('configs/**/README.md')])
COPIED = ('configs', 'mmseg_gl', 'tools', 'Makefile', 'requirements.txt')
PROGRAMS = ('git', 'mmseg-gl', 'pip', 'python', 'python3.11', 'ruff', 'mypy')
STAND_IN = f"""#!{sys.executable} -SE
import json, os, sys
with open({{calls!r}}, 'a') as file:
    name = os.path.basename(sys.argv[0])
    call = dict(words=[name, *sys.argv[1:]], folder=os.getcwd(), environment=dict(os.environ))
    file.write(json.dumps(call) + '\\n')
"""
BLOCK = re.compile(r'^```(\w*)\n(.*?)^```', re.DOTALL | re.MULTILINE)
INLINE = re.compile(r'`((?:python |make |mmseg-gl |tools/dist_\w+\.sh )[^`]+)`')
LINK = re.compile(r'\]\(([^)\s]+)\)')
FILE = re.compile(r'`((?:configs|docs|mmseg_gl|tests|tools)/[\w./+-]+)`')
EXAMPLE = re.compile(r'[A-Z_]+(\.\w+)?')  # CONFIG, CKPT, NAME.py
TINY = dict(height=32, width=64, train=6, val=3)
DOWNLOADS = re.compile('-to-cityscapes|camvid')  # in the names of configs that need some
LONG = re.compile(r'train_cfg\.(max_iters|val_interval)=\d{3,}')
SHORT = ('train_cfg.max_iters=2', 'train_cfg.val_interval=2')


@dataclass
class Call:
    """A program that a page calls."""

    words: list[str]
    folder: str
    environment: dict[str, str]

    def tool(self) -> tuple[str | None, list[str]]:
        """Return the tool's name and its arguments; None for another program."""
        program, *rest = self.words
        if program == 'mmseg-gl':
            return rest[0].replace('-', '_'), rest[1:]
        if rest[:2] == ['-m', 'mmseg_gl.cli.processes']:
            rest = rest[3:]
        if program == 'python' and rest[0].startswith('tools/'):
            return Path(rest[0]).stem, rest[1:]
        return None, rest


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--run', action='store_true', help='also carry out what can be')
    parser.add_argument('pages', nargs='*', type=Path, default=PAGES)
    args = parser.parse_args()
    logging.disable(logging.INFO)  # mmengine's, of STREET_SCENES
    faults = 0
    for page in args.pages:
        with tempfile.TemporaryDirectory() as folder:
            for fault in faults_of(page.resolve(), Path(folder), args.run):
                print(f'{page}: {fault}', flush=True)
                faults += 1
    print(f'{len(args.pages)} pages, {faults} faults')
    return 1 if faults else 0


def faults_of(page: Path, folder: Path, run: bool = False) -> Iterator[str]:
    """Yield a sentence for each fault of a page.

    Args:
        page: The Markdown file.
        folder: An empty folder to work in.
        run: Whether to carry out the calls.
    """
    text = page.read_text()
    prose = BLOCK.sub('', text)
    yield from broken_links(page, prose)
    blocks = [block for language, block in BLOCK.findall(text) if language == 'bash']
    script = '\n'.join([*blocks, *INLINE.findall(prose)])
    if not script:
        return
    copy = copy_repository(folder / 'mmseg_gl')
    if run:
        generate(StreetScenesConfig(**TINY), copy / 'data/street_scenes', workers=1)
    calls, error = calls_of(script, copy)
    if error:
        yield error
    seen = set()  # calls without their numbers: a loop over seeds is carried out once
    for call in calls:
        try:
            configs = check(call)
            without_numbers = re.sub(r'\d+', '', shlex.join(call.words))
            skip = without_numbers in seen or any(map(DOWNLOADS.search, configs))
            seen.add(without_numbers)
            if run and not skip and not any(map(is_example, call.words)):
                carry_out(call, copy)
        except UserError as error:
            yield f'{shlex.join(call.words)}: {error}'


def broken_links(page: Path, prose: str) -> Iterator[str]:
    for link in LINK.findall(prose):
        name, _, anchor = link.partition('#')
        target = page.parent / name if name else page
        if '://' not in link and not target.exists():
            yield f'the link {link} leads nowhere'
        elif anchor and '://' not in link and anchor not in anchors(target):
            yield f'the link {link} leads to no heading'
    for name in FILE.findall(prose):
        if not (ROOT / name).exists() and not any(map(is_example, name.split('/'))):
            yield f'there is no {name}'


def anchors(page: Path) -> set[str]:
    """Return what links may name of a page: its headings, as GitHub spells them."""
    headings = re.findall(r'^#+ (.+)', BLOCK.sub('', page.read_text()), re.MULTILINE)
    return {re.sub(r'[^\w -]', '', heading).lower().replace(' ', '-') for heading in headings}


def is_example(word: str) -> bool:
    return EXAMPLE.fullmatch(Path(word).name) is not None


def copy_repository(copy: Path) -> Path:
    """Copy what commands use, and a project of a user's."""
    for name in COPIED:
        path = ROOT / name
        path = path if path.is_file() else shutil.copytree(path, copy / name)
        if path.is_file():
            shutil.copy(path, copy / name)
    shutil.copytree(ROOT / 'tests/user_project', copy / 'my_project')
    (copy / '.venv/bin').mkdir(parents=True)
    (copy / '.venv/bin/activate').touch()
    return copy


def calls_of(script: str, copy: Path) -> tuple[list[Call], str]:
    """Let Bash go through a script; return the programs that it calls, and what went wrong."""
    programs, calls = copy.parent / 'programs', copy.parent / 'calls'
    programs.mkdir()
    calls.touch()
    for name in PROGRAMS:
        (programs / name).write_text(STAND_IN.format(calls=str(calls)))
        (programs / name).chmod(0o755)
    make = f'exec {shutil.which("make")} --silent -o install BIN={programs} "$@"\n'
    (programs / 'make').write_text(f'#!/bin/sh\n{make}')
    (programs / 'make').chmod(0o755)
    outcome = subprocess.run(
        ['bash', '-euc', script],
        cwd=copy.parent if 'git clone' in script else copy,
        env={**os.environ, 'PATH': f'{programs}:{os.environ["PATH"]}', 'PYTHONPATH': ''},
        capture_output=True,
        text=True,
    )
    error = outcome.stderr.strip() or f'exit code {outcome.returncode}'
    found = [Call(**json.loads(line)) for line in calls.read_text().splitlines()]
    return found, f'in its commands: {error}' if outcome.returncode else ''


def check(call: Call) -> list[str]:
    """Check a call as the tool does; return the configs that it names.

    Raises:
        UserError: For a tool, a file, an option or a key of a config that there is not.
    """
    tool, arguments = call.tool()
    if tool is None:
        check_program(call.words)
        return []
    if is_example(f'{tool}.py'):
        return []
    known = [name.replace('-', '_') for name in mmseg_gl_command.TOOLS]
    if tool not in known:
        raise UserError(f'there is no tool {tool}; did you mean {closest(tool, known, cutoff=0)}?')
    module = importlib.import_module(f'mmseg_gl.cli.{tool}')
    path = call.environment.get('PYTHONPATH', '').split(':')
    before = os.getcwd()
    os.chdir(call.folder)
    try:
        with (
            mock.patch.object(sys, 'argv', [tool, *arguments]),
            mock.patch.object(sys, 'path', [*filter(None, path), *sys.path]),
            mock.patch.dict(os.environ, call.environment),
        ):
            return check_arguments(tool, module.parse_args(), getattr(module, 'REQUIRED', ()))
    finally:
        os.chdir(before)


def check_arguments(tool: str, args: argparse.Namespace, required: tuple) -> list[str]:
    if tool == 'run_recipe':
        load_recipe(args.recipe, 'out', 0, args.cfg_options)
        return [args.recipe]
    if tool == 'configs':
        if args.action in ('copy', 'show') and not is_example(args.name):
            configs.find(args.name)
        return []
    named = getattr(args, 'configs', [getattr(args, 'config', None)])
    named = [config for config in named if config and not is_example(config)]
    options = getattr(args, 'cfg_options', None)
    options = compare.parse_options(options) if isinstance(options, list) else options
    for config in named:
        load_config(config, options, required)
    return named


def check_program(words: list[str]) -> None:
    """Check the module or file that Python or pip is called with."""
    start, first = (*words, '')[:2]
    if first == '-m' and not importlib.util.find_spec(words[2]):
        raise UserError(f'there is no module {words[2]}')
    files = [first] if start == 'python' and first != '-m' else []
    files += [word for option, word in zip(words, words[1:]) if option == '-r']
    for file in files:
        if not (ROOT / file).is_file():
            raise UserError(f'there is no file {file}')


def carry_out(call: Call, copy: Path) -> None:
    """Run a call's tool with small settings.

    Raises:
        UserError: When it fails.
    """
    tool, arguments = call.tool()
    if tool is None:
        return
    start = call.words[: len(call.words) - len(arguments)]
    start = ['-m', f'mmseg_gl.cli.{tool}'] if start[0] == 'mmseg-gl' else start[1:]
    path = f'{copy}:{call.environment["PYTHONPATH"]}'
    outcome = subprocess.run(
        [sys.executable, *start, *smaller(tool, arguments)],
        cwd=call.folder,
        env={**call.environment, 'PATH': os.environ['PATH'], 'PYTHONPATH': path},
        capture_output=True,
        text=True,
    )
    print(f'ran {shlex.join(call.words)}', flush=True)
    if outcome.returncode:
        raise UserError(f'exit code {outcome.returncode}: {outcome.stderr.strip()[-1000:]}')


def smaller(tool: str, arguments: list[str]) -> list[str]:
    """Return a tool's arguments with little to do in place of much."""
    if tool == 'make_street_scenes':
        size = ['--size', f'{TINY["height"]}x{TINY["width"]}']
        return [*arguments, *size, '--train', str(TINY['train']), '--val', str(TINY['val'])]
    if tool == 'run_recipe':
        return [*arguments, '--dry-run']  # test_run_recipe trains one
    if tool in ('train', 'compare'):
        arguments = [word for word in arguments if not LONG.match(word)]
        if '--cfg-options' not in arguments:
            arguments.append('--cfg-options')
        place = arguments.index('--cfg-options') + 1
        arguments[place:place] = SHORT  # what the page sets itself comes later, and counts
    if tool == 'compare':  # the first seed alone
        seed = arguments[arguments.index('--seeds') + 1] if '--seeds' in arguments else '0'
        arguments = [*arguments, '--seeds', seed]
    return arguments


if __name__ == '__main__':
    sys.exit(main())

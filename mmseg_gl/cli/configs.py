"""List the shipped configs, show one in full, or copy one and the files that it needs.

mmseg-gl configs list [PART OF A NAME]
mmseg-gl configs show NAME|FILE
mmseg-gl configs copy NAME [DIR]

NAME is a path as it is listed, or a file name with or without .py; FILE is a config file of your
own. The copies keep their places relative to each other, below DIR (default: configs). Existing
files are never overwritten.
"""

import argparse
import os
import re
from glob import glob

import mmseg_gl
from mmseg_gl.cli.parser import ToolParser, add_cfg_options
from mmseg_gl.cli.tool import run_tool
from mmseg_gl.config.load import load_config
from mmseg_gl.errors import UserError, closest
from mmseg_gl.files import make_folder, write_bytes

PACKAGE = os.path.dirname(os.path.realpath(mmseg_gl.__file__))
# Inside the package of a wheel, beside it in the repository.
INSIDE = os.path.join(PACKAGE, 'configs')
FOLDER = INSIDE if os.path.isdir(INSIDE) else os.path.join(os.path.dirname(PACKAGE), 'configs')
FILE = re.compile(r"""['"]([^'"\n]+\.py)['"]""")


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__)
    actions = parser.add_subparsers(dest='action', required=True, metavar='list|show|copy')
    listing = actions.add_parser('list', help='print the paths of the configs')
    listing.add_argument('part', nargs='?', default='', help='only those whose path contains this')
    showing = actions.add_parser('show', help='print a config with all that it inherits')
    showing.add_argument('name', metavar='NAME|FILE', help='a shipped config, or a config file')
    add_cfg_options(showing)
    copying = actions.add_parser('copy', help='copy a config and the files that it needs')
    copying.add_argument('name', metavar='NAME', help='the config')
    copying.add_argument('dir', metavar='DIR', nargs='?', default='configs')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    if args.action == 'list':
        print_paths(args.part)
    elif args.action == 'show':
        print(load_config(path_of(args.name), args.cfg_options, required=()).pretty_text)
    else:
        copy(args.name, args.dir)


def shipped() -> list[str]:
    """Return the paths of the configs and recipes, relative to their folder."""
    paths = sorted(glob('**/*.py', root_dir=FOLDER, recursive=True))
    return [path for path in paths if not path.startswith('_base_')]


def print_paths(part: str) -> None:
    found = [path for path in shipped() if part in path]
    if not found:
        raise UserError(f'no config has "{part}" in its path; leave it out to list all configs')
    print('\n'.join(found))


def copy(name: str, folder: str) -> None:
    """Copy a config and what it needs.

    Raises:
        UserError: When there is no such config, or a copy's name is taken by another file.
    """
    config = find(name)
    copies = {
        os.path.join(folder, file): read(os.path.join(FOLDER, file)) for file in needed(config)
    }
    for path, content in copies.items():
        if os.path.exists(path) and not (os.path.isfile(path) and read(path) == content):
            raise UserError(f'{path} exists with other contents; choose another DIR')
    for path, content in copies.items():
        if not os.path.exists(path):
            make_folder(os.path.dirname(path), 'DIR')
            write_bytes(path, content)
    print(f'copied {os.path.join(folder, config)} and {len(copies) - 1} files that it needs')


def read(path: str) -> bytes:
    with open(path, 'rb') as file:
        return file.read()


def path_of(name: str) -> str:
    """Return the path of a config file, or of the shipped config of this name."""
    return name if os.path.exists(name) else os.path.join(FOLDER, find(name))


def find(name: str) -> str:
    """Return the path of a config, relative to the folder of configs.

    Raises:
        UserError: When no config has this name, or several have it.
    """
    paths = shipped()
    file = f'{name.removesuffix(".py")}.py'
    found = [path for path in paths if path == file or os.path.basename(path) == file]
    if len(found) > 1 and file not in found:
        raise UserError(f'several configs are called {name}; choose from {", ".join(found)}')
    if not found:
        match = closest(file, paths if '/' in file else map(os.path.basename, paths))
        hint = f'did you mean {match}?' if match else 'mmseg-gl configs list shows all'
        raise UserError(f'there is no config {name}; {hint}')
    return file if file in found else found[0]


def needed(config: str) -> set[str]:
    """Return the paths of a config and all that it names: its ``_base_``, a recipe's configs."""
    names = FILE.findall(read(os.path.join(FOLDER, config)).decode())
    named = [os.path.normpath(os.path.join(os.path.dirname(config), name)) for name in names]
    inside = [path for path in named if not path.startswith('..')]
    return {config}.union(
        *(needed(path) for path in inside if os.path.isfile(os.path.join(FOLDER, path)))
    )


if __name__ == '__main__':
    run_tool(main)

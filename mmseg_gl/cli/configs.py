"""List the shipped configs, or copy one and the files that it needs.

mmseg-gl configs list [PART OF A NAME]
mmseg-gl configs copy NAME [DIR]

NAME is a path as it is listed, or a file name with or without .py. The copies keep their places
relative to each other, below DIR (default: configs). A file that is there already stays as it is.
"""

import argparse
import difflib
import re
from pathlib import Path

import mmseg_gl
from mmseg_gl.cli.parser import ToolParser
from mmseg_gl.cli.tool import run_tool
from mmseg_gl.errors import UserError
from mmseg_gl.files import make_folder, whole_file

PACKAGE = Path(mmseg_gl.__file__).resolve().parent
# Inside the package of a wheel, beside it in the repository.
INSIDE = PACKAGE / 'configs'
FOLDER = INSIDE if INSIDE.is_dir() else PACKAGE.parent / 'configs'
FILE = re.compile(r"""['"]([^'"\n]+\.py)['"]""")


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__)
    actions = parser.add_subparsers(dest='action', required=True, metavar='list|copy')
    listing = actions.add_parser('list', help='print the paths of the configs')
    listing.add_argument('part', nargs='?', default='', help='only those with this in their path')
    copying = actions.add_parser('copy', help='copy a config and the files that it needs')
    copying.add_argument('name', metavar='NAME', help='the config')
    copying.add_argument('dir', metavar='DIR', nargs='?', default='configs', type=Path)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    if args.action == 'list':
        print_paths(args.part)
    else:
        copy(args.name, args.dir)


def shipped() -> list[str]:
    """Return the paths of the configs and recipes, relative to their folder."""
    paths = (path.relative_to(FOLDER) for path in sorted(FOLDER.rglob('*.py')))
    return [str(path) for path in paths if path.parts[0] != '_base_']


def print_paths(part: str) -> None:
    found = [path for path in shipped() if part in path]
    if not found:
        raise UserError(f'no config has "{part}" in its path; without it, all are listed')
    print('\n'.join(found))


def copy(name: str, folder: Path) -> None:
    """Copy a config and what it needs.

    Raises:
        UserError: When there is no such config, or another file has the name of a copy.
    """
    config = find(name)
    copies = {folder / file.relative_to(FOLDER): file.read_bytes() for file in needed(config)}
    for path, content in copies.items():
        if path.exists() and not (path.is_file() and path.read_bytes() == content):
            raise UserError(f'{path} is there and is another file; choose another DIR')
    for path, content in copies.items():
        if not path.exists():
            make_folder(str(path.parent), 'DIR')
            with whole_file(path) as file:
                file.write(content)
    print(f'copied {folder / config.relative_to(FOLDER)} and {len(copies) - 1} files that it needs')


def find(name: str) -> Path:
    """Return the file of a config.

    Raises:
        UserError: When the name is of none, or of several.
    """
    paths = shipped()
    file = f'{name.removesuffix(".py")}.py'
    found = [path for path in paths if path == file or Path(path).name == file]
    if len(found) > 1 and file not in found:
        raise UserError(f'several configs are called {name}; choose from {", ".join(found)}')
    if not found:
        names = paths if '/' in file else [Path(path).name for path in paths]
        match = difflib.get_close_matches(file, names, n=1)
        hint = f'did you mean {match[0]}?' if match else 'mmseg-gl configs list shows all'
        raise UserError(f'there is no config {name}; {hint}')
    return FOLDER / (file if file in found else found[0])


def needed(config: Path) -> set[Path]:
    """Return a config's file and all that it names: its ``_base_``, the configs of a recipe."""
    named = [(config.parent / name).resolve() for name in FILE.findall(config.read_text())]
    return {config}.union(
        *(needed(path) for path in named if path.is_file() and path.is_relative_to(FOLDER))
    )


if __name__ == '__main__':
    run_tool(main)
